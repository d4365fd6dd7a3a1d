"""Maintenance of the store: recovery at start, retention and compression in the background, checks on demand."""
