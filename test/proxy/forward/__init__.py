"""Tests of ccsproxy, proxy, forward."""
