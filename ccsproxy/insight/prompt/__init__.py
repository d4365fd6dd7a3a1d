"""What a request body is as a prompt: items, parts, sizes, versions, differences."""
