"""Commands that start agents, keep the service in the background, and say what is in an agent's way."""
