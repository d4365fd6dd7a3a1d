"""Readable views of Chat Completions, legacy completions and Ollama."""

from typing import Any

from ccsproxy.dialects.views.blocks import (
    Block,
    Message,
    RequestView,
    Tool,
    base64_size,
    fields,
    items,
    json_block,
    media_block,
    optional,
    parsed,
    rest_of,
    string,
    text_block,
)

_KNOWN = ("messages", "tools", "functions", "prompt", "system", "suffix", "images")
_SYSTEM = ("system", "developer")
_THOUGHTS = ("reasoning_content", "reasoning", "reasoning_text", "thinking")


def request_view(body: dict[str, Any]) -> RequestView:
    """Return the view of a request; leading system messages are the system prompt."""
    messages = [_message(message) for message in items(body.get("messages"))]
    leading = next((n for n, message in enumerate(messages) if message.role not in _SYSTEM), len(messages))
    system = [block for message in messages[:leading] for block in message.blocks]
    prompt = [json_block(body[key]) for key in ("prompt", "suffix") if body.get(key) is not None]
    prompt += _images(body.get("images"))
    return RequestView(
        system=(*_content(body.get("system")), *system),
        tools=tuple(_tool(tool) for tool in [*items(body.get("tools")), *items(body.get("functions"))]),
        messages=(*messages[leading:], *([Message("user", tuple(prompt))] if prompt else [])),
        params=rest_of(body, _KNOWN),
    )


def answer_view(body: dict[str, Any]) -> Message:
    """Return the view of a completion; the messages of several choices follow each other."""
    if "choices" not in body:
        return _ollama_answer(body)
    blocks: list[Block] = []
    role = "assistant"
    for choice in items(body["choices"]):
        known = fields(choice)
        message = _message(known.get("message", {"role": role, "content": known.get("text")}))
        role = message.role or role
        blocks += message.blocks
    return Message(role, tuple(blocks))


def _ollama_answer(body: dict[str, Any]) -> Message:
    if "message" in body:
        return _message(body["message"])
    return _message({"role": "assistant", "content": body.get("response"), "thinking": body.get("thinking")})


def _tool(tool: Any) -> Tool:
    known = fields(tool)
    detail = next((known[k] for k in ("function", "custom") if isinstance(known.get(k), dict)), known)
    name = string(detail.get("name")) or string(known.get("type"))
    return Tool(name, string(detail.get("description")), detail.get("parameters", detail.get("format")))


def _message(message: Any) -> Message:
    if not isinstance(message, dict):
        return Message("", (json_block(message),))
    role = string(message.get("role"))
    content = _content(message.get("content"))
    if role in ("tool", "function"):
        joined = optional(message.get("tool_call_id"))
        name = optional(message.get("name")) or optional(message.get("tool_name"))
        return Message(role, (Block(kind="tool_result", id=joined, name=name, content=content),))
    thoughts = [Block(kind="thinking", text=message[key]) for key in _THOUGHTS if string(message.get(key))]
    refusal = [text_block(message["refusal"])] if string(message.get("refusal")) else []
    calls = [_call(call) for call in items(message.get("tool_calls"))]
    if isinstance(message.get("function_call"), dict):
        calls.append(_call({"function": message["function_call"]}))
    return Message(role, (*thoughts, *content, *_images(message.get("images")), *refusal, *calls))


def _call(call: Any) -> Block:
    known = fields(call)
    detail = next((known[k] for k in ("function", "custom") if isinstance(known.get(k), dict)), None)
    if detail is None:
        return json_block(call)
    value = parsed(detail.get("arguments")) if "arguments" in detail else detail.get("input")
    return Block(kind="tool_call", id=optional(known.get("id")), name=optional(detail.get("name")), value=value)


def _images(images: Any) -> list[Block]:
    """Return images next to the content: base64 texts (Ollama) or parts (OpenRouter)."""
    return [
        Block(kind="image", size=base64_size(image), data=image) if isinstance(image, str) else _part(image)
        for image in items(images)
    ]


def _content(content: Any) -> tuple[Block, ...]:
    return tuple(_part(part) for part in items(content) if part != "")


def _part(part: Any) -> Block:
    if not isinstance(part, dict):
        return json_block(part)
    kind = part.get("type")
    cached = bool(part.get("cache_control"))
    if kind in ("text", "refusal") and isinstance(part.get(kind), str):
        return text_block(part[kind], cache_breakpoint=cached)
    if kind == "thinking":
        inner = _content(part.get("thinking"))
        return Block(kind="thinking", text="".join(block.text for block in inner))
    if kind == "image_url":
        image = part.get("image_url")
        return media_block(image.get("url") if isinstance(image, dict) else image)
    if kind == "file":
        file = fields(part.get("file"))
        title = string(file.get("filename")) or string(file.get("file_id"))
        return media_block(file.get("file_data"), "document", title)
    return Block(kind="json", value=part, cache_breakpoint=cached)
