"""Tests of ccsproxy, shipping."""
