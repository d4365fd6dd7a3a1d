"""Mistral's SDK: one streamed answer."""

import os
import sys

try:
    from mistralai import Mistral
except ImportError:
    from mistralai.client import Mistral

client = Mistral(api_key=os.environ["MISTRAL_API_KEY"])
asked = {"role": "user", "content": sys.argv[1]}
for event in client.chat.stream(model="mistral-large-latest", messages=[asked]):
    print(event.data.choices[0].delta.content or "", end="")
print()
