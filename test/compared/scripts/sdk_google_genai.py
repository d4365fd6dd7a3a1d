"""Google's SDK: one streamed answer."""

import sys

from google import genai

client = genai.Client()
for part in client.models.generate_content_stream(model="gemini-2.5-flash", contents=sys.argv[1]):
    print(part.text, end="")
print()
