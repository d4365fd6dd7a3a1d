"""Redaction on the way into records: the one gate, the redactor behind it, and notes of what was replaced."""
