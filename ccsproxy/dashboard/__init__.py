"""The pages that people read, and their static files."""
