"""The kinds of secrets: by format, by name and value, by place."""
