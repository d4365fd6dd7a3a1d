"""A request body as a prompt: items, parts, sizes, versions, differences."""
