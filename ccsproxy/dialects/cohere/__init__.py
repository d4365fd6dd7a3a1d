"""Cohere's own API, versions 1 and 2."""
