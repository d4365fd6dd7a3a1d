"""Exports: pure renderings of an exchange or a session, for other tools and for people."""
