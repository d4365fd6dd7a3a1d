"""Imports: records made from what other programs and versions have written."""
