"""From an exchange that has ended to a record in the store: made, redacted, handed over, acknowledged."""
