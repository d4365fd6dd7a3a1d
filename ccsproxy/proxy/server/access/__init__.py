"""Access control of the port: who may use it, and for what."""
