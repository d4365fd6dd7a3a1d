"""Tests of what changed between two requests."""
