"""The responses of the mock upstream: an Anthropic message and an OpenAI response, streamed or not."""

import json
from collections.abc import Iterator
from typing import Any

Event = tuple[str, dict[str, Any]]

TEXT = (
    "The test fails because `parse_header` splits on every colon. A header value may hold colons too, "
    "so split at the first one only: `name, _, value = line.partition(':')`. I will make that change now."
)
TOOL_INPUT = {"path": "headers.py", "old": "line.split(':')", "new": "line.partition(':')"}


def pieces(text: str, size: int = 9) -> Iterator[str]:
    """Split a text into pieces similar to a model's tokens."""
    for start in range(0, len(text), size):
        yield text[start : start + size]


def anthropic_message(model: str) -> dict[str, Any]:
    """Return the complete message, as the API returns it without streaming."""
    return {
        "id": "msg_demo01",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [
            {"type": "text", "text": TEXT},
            {"type": "tool_use", "id": "toolu_demo01", "name": "edit_file", "input": TOOL_INPUT},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 412,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 18204,
            "output_tokens": 96,
        },
    }


def anthropic_events(model: str) -> Iterator[Event]:
    """Yield the same message as a stream."""
    message = anthropic_message(model)
    start = {**message, "content": [], "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
    yield "message_start", {"message": start}
    yield "content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}
    yield "ping", {}
    for piece in pieces(TEXT):
        yield "content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": piece}}
    yield "content_block_stop", {"index": 0}
    yield "content_block_start", {"index": 1, "content_block": {**message["content"][1], "input": {}}}
    for piece in pieces(json.dumps(TOOL_INPUT), 14):
        yield "content_block_delta", {"index": 1, "delta": {"type": "input_json_delta", "partial_json": piece}}
    yield "content_block_stop", {"index": 1}
    delta = {"stop_reason": "tool_use", "stop_sequence": None}
    yield "message_delta", {"delta": delta, "usage": {"output_tokens": message["usage"]["output_tokens"]}}
    yield "message_stop", {}


def openai_response(model: str, status: str = "completed") -> dict[str, Any]:
    """Return the complete response object, as the API returns it without streaming."""
    part = {"type": "output_text", "text": TEXT, "annotations": []}
    item = {"id": "msg_demo02", "type": "message", "status": status, "role": "assistant", "content": [part]}
    done = status == "completed"
    return {
        "id": "resp_demo01",
        "object": "response",
        "created_at": 1790000000,
        "status": status,
        "model": model,
        "output": [item] if done else [],
        "error": None,
        "incomplete_details": None,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 5210,
            "input_tokens_details": {"cached_tokens": 4864},
            "output_tokens": 61,
            "output_tokens_details": {"reasoning_tokens": 12},
            "total_tokens": 5271,
        }
        if done
        else None,
    }


def openai_events(model: str) -> Iterator[Event]:
    """Yield the same response as a stream."""
    done = openai_response(model)
    item = done["output"][0]
    part = item["content"][0]
    where = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    events: list[Event] = [
        ("response.created", {"response": openai_response(model, "in_progress")}),
        ("response.output_item.added", {"output_index": 0, "item": {**item, "status": "in_progress", "content": []}}),
        ("response.content_part.added", {**where, "part": {**part, "text": ""}}),
        *(("response.output_text.delta", {**where, "delta": piece}) for piece in pieces(TEXT)),
        ("response.output_text.done", {**where, "text": TEXT}),
        ("response.content_part.done", {**where, "part": part}),
        ("response.output_item.done", {"output_index": 0, "item": item}),
        ("response.completed", {"response": done}),
    ]
    for number, (name, body) in enumerate(events):
        yield name, {**body, "sequence_number": number}


def frame(event: Event) -> bytes:
    """Write one event as server-sent event text."""
    name, body = event
    return f"event: {name}\ndata: {json.dumps({'type': name, **body}, ensure_ascii=False)}\n\n".encode()
