// OpenAI's SDK for Node: one streamed chat completion, with a client that is told of the proxy as its documentation says.
import OpenAI from "openai";

const client = new OpenAI();
const stream = await client.chat.completions.create({
  model: "gpt-5.5",
  stream: true,
  stream_options: { include_usage: true },
  messages: [{ role: "user", content: process.argv[2] }],
});
let text = "";
for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
console.log(text);
