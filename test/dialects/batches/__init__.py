"""Tests of ccsproxy, dialects, batches."""
