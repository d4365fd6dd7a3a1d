"""Starts agents so that their calls pass through the proxy, without changing any of the user's files."""
