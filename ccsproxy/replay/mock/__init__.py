"""A fake upstream on this machine that answers from records, as a base URL and as a proxy for the known hosts."""
