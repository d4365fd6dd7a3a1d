"""The hub: a team's pages and API, read from the engine that its machines ship to."""
