"""Commands that look after a data directory."""
