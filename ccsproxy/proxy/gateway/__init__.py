"""The relay as a team's gateway: whose calls these are, and whose key they get."""
