"""Sessions: which one an exchange belongs to, who called, and what it continues."""
