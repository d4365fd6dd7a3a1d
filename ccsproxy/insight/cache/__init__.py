"""The prompt cache: what of a prompt could have been read from it, what was, and why not the rest."""
