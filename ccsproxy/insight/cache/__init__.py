"""What of a prompt could have been read from the cache, what was, and why not the rest."""
