"""One session as a conversation."""
