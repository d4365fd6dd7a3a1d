"""Commands that start agents, manage the background service, and diagnose an agent's environment."""
