"""Tests of ccsproxy, store."""
