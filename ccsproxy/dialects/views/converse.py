"""Readable views of Bedrock Converse."""

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
    optional,
    rest_of,
    string,
    text_block,
)


def request_view(body: dict[str, Any]) -> RequestView:
    """Return the view of a request."""
    tools = items(fields(body.get("toolConfig")).get("tools"))
    return RequestView(
        system=_blocks(body.get("system")),
        tools=tuple(_tool(fields(tool).get("toolSpec")) for tool in tools if "toolSpec" in fields(tool)),
        messages=tuple(_message(message) for message in items(body.get("messages"))),
        params=rest_of(body, ("system", "messages", "toolConfig")),
    )


def answer_view(body: dict[str, Any]) -> Message:
    """Return the view of an answer."""
    return _message(fields(body.get("output")).get("message"))


def _tool(spec: Any) -> Tool:
    known = fields(spec)
    schema = known.get("inputSchema")
    return Tool(string(known.get("name")), string(known.get("description")), fields(schema).get("json", schema))


def _message(message: Any) -> Message:
    known = fields(message)
    return Message(string(known.get("role")) or "assistant", _blocks(known.get("content")))


def _blocks(content: Any) -> tuple[Block, ...]:
    """Return the blocks; a cache point marks the block before it."""
    blocks: list[Block] = []
    for part in items(content):
        if "cachePoint" in fields(part) and blocks:
            last = blocks.pop()
            blocks.append(Block(**{name: getattr(last, name) for name in last.__struct_fields__} | _CACHED))
        else:
            blocks.append(_block(part))
    return tuple(blocks)


_CACHED = {"cache_breakpoint": True}


def _block(part: Any) -> Block:
    known = fields(part)
    if isinstance(known.get("text"), str):
        return text_block(known["text"])
    call, result = fields(known.get("toolUse")), fields(known.get("toolResult"))
    if call:
        arguments = call.get("_raw_input", call.get("input"))
        return Block(
            kind="tool_call", id=optional(call.get("toolUseId")), name=optional(call.get("name")), value=arguments
        )
    if result:
        failed = result.get("status") == "error"
        content = _blocks(result.get("content"))
        return Block(kind="tool_result", id=optional(result.get("toolUseId")), content=content, is_error=failed)
    thought = fields(known.get("reasoningContent"))
    if thought:
        return Block(kind="thinking", text=string(fields(thought.get("reasoningText")).get("text")))
    for kind in ("image", "document"):
        if fields(known.get(kind)):
            return _media(kind, known[kind])
    if "json" in known:
        return json_block(known["json"])
    return json_block(part)


def _media(kind: str, media: dict[str, Any]) -> Block:
    media_type = optional(media.get("format"))
    source = fields(media.get("source")).get("bytes")
    data = string(source) if kind == "image" else ""
    return Block(
        kind=kind, media_type=media_type, size=base64_size(source), text=string(media.get("name")), data=data
    )
