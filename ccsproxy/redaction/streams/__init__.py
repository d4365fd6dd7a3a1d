"""Secrets in streams, where one may be spread over many events."""
