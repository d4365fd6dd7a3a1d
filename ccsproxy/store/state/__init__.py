"""What cannot be derived from segments, and must be as durable as they are."""
