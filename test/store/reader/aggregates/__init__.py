"""Tests of sums."""
