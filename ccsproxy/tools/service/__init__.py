"""Commands that run or find the service."""
