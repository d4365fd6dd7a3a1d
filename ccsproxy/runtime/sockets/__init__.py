"""Owners, processes and connections of this machine's sockets."""
