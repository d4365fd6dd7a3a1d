"""Who may use the port, and for what."""
