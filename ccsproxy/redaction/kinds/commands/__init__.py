"""Secrets in commands: in their arguments, behind their flags, and in what they read."""
