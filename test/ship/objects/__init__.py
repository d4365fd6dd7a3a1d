"""Tests of ccsproxy, shipping to object stores."""
