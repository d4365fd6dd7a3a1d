"""Secrets in streams, where one may be cut into many events."""
