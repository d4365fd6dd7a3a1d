"""A session as one conversation for people, each text once."""
