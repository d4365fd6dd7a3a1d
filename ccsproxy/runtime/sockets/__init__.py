"""Whose sockets they are: owners, processes and connections of this machine."""
