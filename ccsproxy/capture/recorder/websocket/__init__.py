"""WebSockets: one exchange of the relay, a record for each response of a model."""
