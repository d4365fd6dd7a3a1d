"""The kinds of secrets: recognised by format, by name and value, or by position."""
