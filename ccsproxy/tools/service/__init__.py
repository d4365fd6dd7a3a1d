"""Commands that start or find the service."""
