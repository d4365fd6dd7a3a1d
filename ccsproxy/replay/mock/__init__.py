"""A mock upstream on this machine that answers from records, at a base URL or as a proxy for known hosts."""
