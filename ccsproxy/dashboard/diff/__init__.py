"""Differences between two requests."""
