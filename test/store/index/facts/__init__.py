"""Tests of facts of calls."""
