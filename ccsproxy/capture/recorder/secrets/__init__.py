"""Secrets on their way into records: the one gate, what stands behind it, and what is noted of them."""
