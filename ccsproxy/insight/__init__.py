"""Insight: conversations, costs, cache verdicts and findings, computed from facts without files or network."""
