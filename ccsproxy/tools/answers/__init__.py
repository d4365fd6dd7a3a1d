"""Commands that answer a question about records: what they cost, and why."""
