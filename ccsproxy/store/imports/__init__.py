"""Records made of what other programs and versions have written."""
