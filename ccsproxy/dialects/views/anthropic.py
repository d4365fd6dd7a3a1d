"""Readable views of Anthropic requests and messages."""

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

_KNOWN = ("system", "tools", "messages")


def request_view(body: dict[str, Any]) -> RequestView:
    """Return the view of a request."""
    return RequestView(
        system=blocks(body.get("system")),
        tools=tuple(_tool(tool) for tool in items(body.get("tools"))),
        messages=tuple(_message(message) for message in items(body.get("messages"))),
        params=rest_of(body, _KNOWN),
    )


def answer_view(body: dict[str, Any]) -> Message:
    """Return the view of a message."""
    return Message(string(body.get("role")) or "assistant", blocks(body.get("content")))


def _tool(tool: Any) -> Tool:
    known = fields(tool)
    name = string(known.get("name")) or string(known.get("type"))
    return Tool(
        name, string(known.get("description")), known.get("input_schema", rest_of(known, ("name", "description")))
    )


def _message(message: Any) -> Message:
    known = fields(message)
    return Message(string(known.get("role")), blocks(known.get("content")) if known else (json_block(message),))


def blocks(content: Any) -> tuple[Block, ...]:
    """Return the blocks of a content, which is a text or a list of blocks."""
    return tuple(_block(part) for part in items(content))


def _block(part: Any) -> Block:
    if not isinstance(part, dict):
        return json_block(part)
    kind = string(part.get("type"))
    cached = bool(part.get("cache_control"))
    if kind == "text":
        return text_block(string(part.get("text")), cache_breakpoint=cached)
    if kind == "thinking":
        return Block(kind="thinking", text=string(part.get("thinking")), cache_breakpoint=cached)
    if kind == "redacted_thinking":
        return Block(kind="thinking", size=base64_size(part.get("data")), cache_breakpoint=cached)
    if kind.endswith("tool_use"):
        return Block(
            kind="tool_call",
            id=optional(part.get("id")),
            name=optional(part.get("name")),
            value=part.get("_raw_input", part.get("input")),
            cache_breakpoint=cached,
        )
    if kind.endswith("tool_result"):
        return Block(
            kind="tool_result",
            id=optional(part.get("tool_use_id")),
            content=blocks(part.get("content")),
            is_error=part.get("is_error") is True or _is_error(part.get("content")),
            cache_breakpoint=cached,
        )
    if kind in ("image", "document"):
        return _media(kind, part, cached)
    return Block(kind="json", value=part, cache_breakpoint=cached)


def _is_error(content: Any) -> bool:
    """Return whether a server tool failed, which the type of its content shows."""
    return string(fields(content).get("type")).endswith("_error")


def _media(kind: str, part: dict[str, Any], cached: bool) -> Block:
    source = fields(part.get("source"))
    title = string(part.get("title")) or string(source.get("url")) or string(source.get("file_id"))
    text = source.get("data") if source.get("type") == "text" else None
    return Block(
        kind=kind,
        media_type=optional(source.get("media_type")),
        size=base64_size(source.get("data")) if source.get("type") == "base64" else None,
        data=string(source.get("data")) if source.get("type") == "base64" and kind == "image" else "",
        text=title,
        content=(text_block(text),) if isinstance(text, str) else blocks(source.get("content")),
        cache_breakpoint=cached,
    )
