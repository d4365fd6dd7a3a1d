"""Recorded responses for a mock upstream: which record answers a request, and when each chunk of it is due."""
