"""What is made of records, for people: findings, why a call cost what it did, prompts, leaks, limits, health."""
