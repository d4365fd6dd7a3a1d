"""Commands that maintain a data directory."""
