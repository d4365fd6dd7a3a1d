"""Tests of sessions for people."""
