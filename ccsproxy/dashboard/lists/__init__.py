"""Lists of exchanges and sessions, their filters, and the overview."""
