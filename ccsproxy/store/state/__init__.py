"""The durable state: what cannot be derived from segments and must be as durable as they are."""
