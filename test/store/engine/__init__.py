"""Tests of ccsproxy, store, engines."""
