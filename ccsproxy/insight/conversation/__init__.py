"""Which call goes on from which: lanes, steps, turns, sub-agents, and where the time went."""
