"""The prompt cache: how much of a prompt could have been read from it, how much was, and why not the rest."""
