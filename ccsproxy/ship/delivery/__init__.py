"""Delivery of records from segments to a target: read after a position, in batches, retried until accepted."""
