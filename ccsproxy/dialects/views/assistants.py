"""Readable views of the runs of OpenAI's Assistants."""

from typing import Any

from ccsproxy.dialects.views.blocks import (
    Block,
    Message,
    RequestView,
    fields,
    items,
    json_block,
    rest_of,
    string,
    text_block,
)

_KNOWN = ("instructions", "additional_messages", "thread", "tool_outputs")


def request_view(body: dict[str, Any]) -> RequestView:
    """Return the view of a request that starts or continues a run."""
    messages = [*items(body.get("additional_messages")), *items(fields(body.get("thread")).get("messages"))]
    outputs = [
        Block(
            kind="tool_result",
            id=string(known.get("tool_call_id")),
            content=(text_block(string(known.get("output"))),),
        )
        for known in map(fields, items(body.get("tool_outputs")))
    ]
    instructions = string(body.get("instructions"))
    return RequestView(
        system=(text_block(instructions),) if instructions else (),
        messages=(*map(_message, messages), *([Message("tool", tuple(outputs))] if outputs else [])),
        params=rest_of(body, _KNOWN),
    )


def answer_view(body: dict[str, Any]) -> Message:
    """Return what the assistant wrote during a run; a run without messages is shown as JSON."""
    blocks = [block for message in items(body.get("_messages")) for block in _message(message).blocks]
    return Message("assistant", tuple(blocks))


def _message(message: Any) -> Message:
    known = fields(message)
    content = known.get("content")
    parts = [content] if isinstance(content, str) else items(content)
    return Message(string(known.get("role")), tuple(map(_part, parts)))


def _part(part: Any) -> Block:
    if isinstance(part, str):
        return text_block(part)
    text = fields(part).get("text")
    value = text if isinstance(text, str) else fields(text).get("value")
    return text_block(value) if isinstance(value, str) else json_block(part)
