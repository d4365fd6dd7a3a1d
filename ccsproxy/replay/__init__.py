"""Replay: sends recorded calls again, and answers agents from records; the part that needs the network."""
