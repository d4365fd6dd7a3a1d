"""The structure of a session: lanes, steps, turns, sub-agents, and where the time went."""
