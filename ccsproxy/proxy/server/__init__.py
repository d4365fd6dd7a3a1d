"""Towards the client: the site, its connections, what they may send."""
