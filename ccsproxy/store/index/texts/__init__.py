"""The texts of the index: the searchable texts, each stored once, and the preview line of lists."""
