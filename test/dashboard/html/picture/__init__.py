"""Tests of what is drawn in pages."""
