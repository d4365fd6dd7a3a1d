"""The texts of the index: what is searched, each once, and the line that lists show."""
