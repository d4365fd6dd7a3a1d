"""The relay: the only code on the hot path."""
