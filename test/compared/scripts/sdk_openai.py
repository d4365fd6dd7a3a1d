"""OpenAI's SDK: one streamed response, one chat completion."""

import sys

from openai import OpenAI

client = OpenAI()
with client.responses.stream(model="gpt-5.5", input=sys.argv[1]) as stream:
    for _ in stream:
        pass
    print(stream.get_final_response().output_text)
asked = {"role": "user", "content": sys.argv[1]}
print(client.chat.completions.create(model="gpt-5.5", messages=[asked]).choices[0].message.content)
