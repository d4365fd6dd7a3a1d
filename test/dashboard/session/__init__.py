"""Tests of one session as a conversation."""
