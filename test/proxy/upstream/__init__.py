"""Tests of what faces the API."""
