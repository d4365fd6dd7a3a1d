"""The search for secrets in a text: one pass of a linear-time engine, and a check of each match."""
