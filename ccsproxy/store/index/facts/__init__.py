"""The facts of calls: extracted from records, stored in blocks, read back."""
