"""The content of a call according to the conventions: messages consisting of parts, as JSON text.

Schemas: ``gen-ai-input-messages.json`` and its neighbours in the conventions' repository. Each call sends the whole
conversation, and so it is here, up to a limit: the oldest messages are omitted, and their number is stated.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ccsproxy.dialects.views.blocks import Block, Message, fields
from ccsproxy.dialects.views.view import answer_view, request_view
from ccsproxy.ship.otlp import names
from ccsproxy.ship.otlp.span import Attributes
from ccsproxy.wire import jsontext

#: Maximum size in characters of JSON of a call's messages, and of each of its other texts. Backends reject or drop
#: spans of more than about a megabyte (OpenAI 100 KB a field, LangWatch 10 MB, the collector 20 MB a request).
MOST_MESSAGES, MOST_TEXT = 512 << 10, 128 << 10
LEFT_OUT, CUT = "ccsproxy.input.messages_left_out", "ccsproxy.content.cut"
#: Exceptions of viewing a body that does not belong to the dialect, or is nested without limit.
_UNREADABLE = (RecursionError, ValueError, TypeError, KeyError, AttributeError, IndexError)
_MARK = " [cut]"


def content_attributes(record: Mapping[str, Any]) -> Attributes:
    """Return the content, or nothing if it cannot be read."""
    try:
        return _content(record)
    except _UNREADABLE:
        return {CUT: True}


def _content(record: Mapping[str, Any]) -> Attributes:
    request, response = fields(record.get("request")), fields(record.get("response"))
    body, answer = request.get("body"), response.get("body_reassembled")
    view = request_view(record.get("dialect"), body)
    attributes: Attributes = {}
    messages, left_out = _bounded([_message(each) for each in view.messages])
    _say(attributes, names.SYSTEM, parts(view.system), MOST_TEXT)
    _say(attributes, names.INPUT, messages, MOST_MESSAGES)
    if left_out:
        attributes[LEFT_OUT] = left_out
    _say(
        attributes,
        names.TOOL_DEFINITIONS,
        [{"type": "function", "name": tool.name} for tool in view.tools],
        MOST_TEXT,
    )
    # The body of an error is reported by the span's status, and is not a response of the model.
    if answer is not None and (response.get("status") or 0) < 400:
        reply = _message(answer_view(record.get("dialect"), answer))
        reply |= {"role": "assistant", "finish_reason": str(record.get("stop_reason") or "error")}
        _say(attributes, names.OUTPUT, [reply], MOST_MESSAGES)
    return attributes


def _say(attributes: Attributes, name: str, value: Sequence[Any], most: int) -> None:
    if not value:
        return
    text = jsontext.dumps(value).decode("utf-8", "replace")
    if len(text) > most:
        attributes[CUT] = True
        # A quarter, because a letter takes up to six characters in JSON, and names and punctuation are added.
        value = _shortened(value, most // 4 // max(1, len(value)))
        text = jsontext.dumps(value).decode("utf-8", "replace")
    if len(text) <= most:
        attributes[name] = text


def _bounded(messages: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """Keep the newest messages, at least one, up to the limit; return how many are omitted."""
    size, first = 0, len(messages)
    while first:
        size += len(jsontext.dumps(messages[first - 1]))
        # One is kept whatever its size: a span without the newest message would be useless.
        if size > MOST_MESSAGES and first < len(messages):
            break
        first -= 1
    return messages[first:], first


def _shortened(value: Any, most: int) -> Any:
    """Truncate the texts in a value, each to a length."""
    if isinstance(value, str):
        return value if len(value) <= most else value[:most] + _MARK
    if isinstance(value, list | tuple):
        return [_shortened(each, most) for each in value]
    if isinstance(value, dict):
        return {key: _shortened(each, most) for key, each in value.items()}
    return value


def _message(message: Message) -> dict[str, Any]:
    found = parts(message.blocks)
    results = found and all(part["type"] == "tool_call_response" for part in found)
    role = {"model": "assistant", "developer": "system"}.get(message.role, message.role)
    return {"role": "tool" if results else role, "parts": found}


def parts(blocks: Iterable[Block]) -> list[dict[str, Any]]:
    """Convert blocks to the parts of a message."""
    return [_part(block) for block in blocks]


def _part(block: Block) -> dict[str, Any]:
    if block.kind == "text":
        return {"type": "text", "content": block.text}
    if block.kind == "thinking":
        return {"type": "reasoning", "content": block.text}
    if block.kind == "tool_call":
        return {"type": "tool_call", "id": block.id, "name": block.name or "", "arguments": block.value}
    if block.kind == "tool_result":
        return {"type": "tool_call_response", "id": block.id, "response": result_of(block)}
    if block.kind in ("image", "document"):
        return {"type": block.kind, "mime_type": block.media_type, "size": block.size, "content": block.text}
    return {"type": "json", "content": block.value}


def result_of(block: Block) -> Any:
    """Return a tool's result: its text, or its parts if it is not just text."""
    if all(each.kind == "text" for each in block.content):
        return "\n".join(each.text for each in block.content) or block.text or block.value
    return parts(block.content)


def tool_content(record: Mapping[str, Any]) -> dict[str, Attributes]:
    """Return the arguments and results of the tools in a request, by the calls' ids."""
    try:
        view = request_view(record.get("dialect"), fields(record.get("request")).get("body"))
    except _UNREADABLE:
        return {}
    found: dict[str, Attributes] = {}
    for block in (block for message in view.messages for block in message.blocks):
        if block.id and block.kind == "tool_call":
            found.setdefault(block.id, {})[names.TOOL_ARGUMENTS] = _written(block.value)
        elif block.id and block.kind == "tool_result":
            found.setdefault(block.id, {})[names.TOOL_RESULT] = _written(result_of(block))
    return found


def _written(value: Any) -> str:
    text = value if isinstance(value, str) else jsontext.dumps(value).decode("utf-8", "replace")
    return text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + _MARK
