"""The derived index in SQLite: rows, sessions, statistics, full text."""
