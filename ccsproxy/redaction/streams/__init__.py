"""Secrets in streams, which may be split over many events."""
