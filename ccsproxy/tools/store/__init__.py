"""Commands that look after a data dir."""
