"""Tests of one exchange."""
