"""The data model of an exchange: its events, its outcome, and its record."""
