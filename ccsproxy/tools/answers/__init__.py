"""Commands that answer a question about records: what it cost, and why."""
