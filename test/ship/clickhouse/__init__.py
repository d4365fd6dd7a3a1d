"""Tests of ccsproxy, shipping to ClickHouse."""
