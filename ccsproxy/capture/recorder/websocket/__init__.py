"""WebSockets: one exchange for the relay, a record for each response of a model."""
