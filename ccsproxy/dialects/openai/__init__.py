"""OpenAI's Chat Completions and Responses, and the APIs that are compatible with them."""
