"""Recorded answers for a fake upstream: which record answers a request, and when each piece of it is due."""
