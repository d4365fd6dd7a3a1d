"""Ingest: the relays' logs, read while the relays live and drained after they have died."""
