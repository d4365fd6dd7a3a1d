"""Tests of lists and the overview."""
