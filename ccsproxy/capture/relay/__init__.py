"""The relay's half of capture: copies become frames, and no client waits for that."""
