"""Costs of calls and of the parts of their prompts, and how much of a budget is spent."""
