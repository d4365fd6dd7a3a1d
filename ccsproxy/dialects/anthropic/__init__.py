"""Anthropic's Messages and Text Completions."""
