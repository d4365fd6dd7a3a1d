"""A common view of requests and answers of all dialects: messages, blocks, tools."""
