"""OpenAI's Chat Completions and Responses, and whoever speaks them."""
