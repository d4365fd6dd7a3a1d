"""What changed between two requests."""
