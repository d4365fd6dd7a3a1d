"""Insight against worlds whose truth is known."""
