"""Redaction on the way into records: the gate, the redactor behind it, and notes of what was replaced."""
