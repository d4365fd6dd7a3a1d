"""The relay's half of the hand-over: copies become frames, and nobody waits."""
