"""Pages for what is derived from records: findings, costs, prompts, leaks, limits, health."""
