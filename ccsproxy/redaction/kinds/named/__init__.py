"""Secrets that are known by the name beside them."""
