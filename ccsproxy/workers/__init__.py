"""Worker processes that relay on the same ports."""
