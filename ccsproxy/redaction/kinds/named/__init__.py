"""Secrets that are recognised by the name next to them."""
