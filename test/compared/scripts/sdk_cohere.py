"""Cohere's SDK: one streamed answer."""

import sys

import cohere

for event in cohere.ClientV2().chat_stream(
    model="command-a-03-2025", messages=[{"role": "user", "content": sys.argv[1]}]
):
    if event.type == "content-delta":
        print(event.delta.message.content.text, end="")
print()
