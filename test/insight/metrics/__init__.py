"""Tests of the metrics that are made of calls."""
