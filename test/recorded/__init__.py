"""Recorded exchanges, judged: what the product reads against an accumulation of its own kind."""
