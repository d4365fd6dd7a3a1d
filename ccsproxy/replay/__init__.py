"""Replay: recorded calls sent again, and agents answered from records; the part that needs the network."""
