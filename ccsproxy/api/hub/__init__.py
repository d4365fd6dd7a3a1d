"""The hub: the pages and the API of a team, read from the engine that its machines ship to."""
