"""Secrets that are recognised by the name beside them."""
