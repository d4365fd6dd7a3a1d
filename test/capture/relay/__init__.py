"""Tests of the relay's half of the hand-over."""
