"""One reading of a request or answer for all dialects: messages, blocks, tools."""
