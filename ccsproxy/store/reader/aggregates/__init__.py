"""Sums and percentiles of what was recorded."""
