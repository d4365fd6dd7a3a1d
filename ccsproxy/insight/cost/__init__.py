"""Costs of calls and of the parts of their prompts, and budgets."""
