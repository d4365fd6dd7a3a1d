"""The demo: a small mock of two LLM APIs and a few calls to it, to see records without a key."""
