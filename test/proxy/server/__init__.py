"""Tests of what faces the client."""
