"""Tests of ccsproxy, dialects, websocket."""
