"""Sessions: which session an exchange belongs to, who called, and what the exchange continues."""
