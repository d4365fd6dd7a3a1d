"""Readable views of OpenAI Responses."""

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

_KNOWN = ("instructions", "input", "tools")


def request_view(body: dict[str, Any]) -> RequestView:
    """Return the view of a request; items of the input that are not messages become messages of their own role."""
    content = body.get("input")
    messages = (
        [Message("user", (text_block(content),))] if isinstance(content, str) else [_item(i) for i in items(content)]
    )
    tools = [*items(body.get("tools")), *(tool for item in items(content) for tool in _additional(item))]
    return RequestView(
        system=tuple(_part(part) for part in items(body.get("instructions"))),
        tools=tuple(_tool(tool) for tool in tools),
        messages=tuple(messages),
        params=rest_of(body, _KNOWN),
    )


def answer_view(body: dict[str, Any]) -> Message:
    """Return the view of a response: the blocks of all its items."""
    return Message("assistant", tuple(block for item in items(body.get("output")) for block in _item(item).blocks))


def _additional(item: Any) -> list[Any]:
    """Codex may send tools as an item of the input."""
    known = fields(item)
    return items(known.get("tools")) if known.get("type") == "additional_tools" else []


def _tool(tool: Any) -> Tool:
    known = fields(tool)
    detail = fields(known.get("function")) or known
    name = string(detail.get("name")) or string(known.get("server_label")) or string(known.get("type"))
    schema = detail.get("parameters", detail.get("format", rest_of(known, ("name", "description", "type"))))
    return Tool(name, string(detail.get("description")), schema)


def _item(item: Any) -> Message:
    known = fields(item)
    kind = string(known.get("type"))
    if kind == "message" or (not kind and "role" in known):
        return Message(string(known.get("role")), tuple(_part(part) for part in items(known.get("content"))))
    if kind == "reasoning":
        return Message("assistant", _thoughts(known))
    if kind.endswith("_output"):
        content = tuple(_part(part) for part in items(known.get("output", known.get("tools"))))
        return Message("tool", (Block(kind="tool_result", id=_joined(known), content=content),))
    if kind.endswith("_call"):
        return Message("assistant", _call(kind, known))
    return Message(string(known.get("role")) or "assistant", (json_block(item),))


def _joined(item: dict[str, Any]) -> str | None:
    return optional(item.get("call_id")) or optional(item.get("id"))


def _thoughts(item: dict[str, Any]) -> tuple[Block, ...]:
    parts = [*items(item.get("summary")), *items(item.get("content"))]
    shown = tuple(Block(kind="thinking", text=string(fields(part).get("text"))) for part in parts)
    hidden = base64_size(item.get("encrypted_content"))
    return shown if shown or hidden is None else (Block(kind="thinking", size=hidden),)


def _call(kind: str, item: dict[str, Any]) -> tuple[Block, ...]:
    """Return a call; of the tools that the provider runs itself the result, too."""
    name = optional(item.get("name")) or kind.removesuffix("_call")
    content = next((item[key] for key in ("arguments", "input", "code", "action", "operation") if key in item), None)
    call = Block(kind="tool_call", id=_joined(item), name=name, value=parsed(content))
    if kind == "image_generation_call" and isinstance(item.get("result"), str):
        return call, Block(kind="image", size=base64_size(item["result"]), data=item["result"])
    answers = [item[key] for key in ("output", "outputs", "results", "error") if item.get(key)]
    if not answers:
        return (call,)
    content = tuple(_part(part) for answer in answers for part in items(answer))
    return call, Block(kind="tool_result", id=_joined(item), content=content, is_error=bool(item.get("error")))


def _part(part: Any) -> Block:
    if not isinstance(part, dict):
        return json_block(part)
    kind = string(part.get("type"))
    for key in ("text", "refusal"):
        if isinstance(part.get(key), str) and kind.endswith(key):
            return text_block(part[key])
    if kind == "input_image":
        return media_block(part.get("image_url"), title=string(part.get("file_id")))
    if kind == "input_file":
        title = string(part.get("filename")) or string(part.get("file_id")) or string(part.get("file_url"))
        return media_block(part.get("file_data"), "document", title)
    return json_block(part)
