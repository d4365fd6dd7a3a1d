"""The facts of calls: made of records, kept in blocks, read back."""
