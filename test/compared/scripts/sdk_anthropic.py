"""Anthropic's SDK: one streamed message."""

import sys

from anthropic import Anthropic

with Anthropic().messages.stream(
    model="claude-sonnet-4-5", max_tokens=64, messages=[{"role": "user", "content": sys.argv[1]}]
) as stream:
    print("".join(stream.text_stream))
