"""Several relay processes on the same ports."""
