"""Tests of what a prompt is made of."""
