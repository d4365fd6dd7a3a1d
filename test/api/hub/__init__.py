"""Tests of ccsproxy, the hub."""
