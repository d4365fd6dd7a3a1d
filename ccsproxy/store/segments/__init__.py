"""Segments: append-only files of records, open and closed."""
