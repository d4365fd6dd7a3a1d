"""Tests of the recorder's half of the hand-over."""
