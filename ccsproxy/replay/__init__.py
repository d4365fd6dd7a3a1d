"""Recorded calls made again, and agents answered from records: what of it needs the network."""
