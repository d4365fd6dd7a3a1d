"""Batches of every provider: which calls make them and fetch their results, and what these used."""
