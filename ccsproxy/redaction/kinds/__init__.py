"""What is a secret: by format, by name and value, by place."""
