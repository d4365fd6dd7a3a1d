"""The index, derived from segments, in SQLite: rows, sessions, statistics, full text."""
