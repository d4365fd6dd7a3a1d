"""Anthropic's Messages API, as the mock speaks it."""

import json
from collections.abc import Iterator
from typing import Any

from test.compared.turn import READ, WRITTEN, Asked, Turn, pieces


def asked(body: dict[str, Any]) -> Asked:
    """Read a request."""
    blocks = [block for message in body.get("messages") or () for block in _blocks(message)]
    form = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    return Asked(
        body.get("model", ""),
        sum(block.get("type") == "tool_result" for block in blocks),
        {tool["name"]: tool.get("input_schema") for tool in body.get("tools") or () if tool.get("input_schema")},
        form.get("schema") if form.get("type") == "json_schema" else None,
    )


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def message(turn: Turn) -> dict[str, Any]:
    """Return the answer in one piece."""
    content: list[dict[str, Any]] = [{"type": "text", "text": turn.text}]
    if turn.call:
        call = turn.call
        content.append({"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": call.arguments})
    usage = {
        "input_tokens": turn.uncached,
        "cache_creation_input_tokens": WRITTEN,
        "cache_read_input_tokens": READ,
        "cache_creation": {"ephemeral_5m_input_tokens": WRITTEN, "ephemeral_1h_input_tokens": 0},
        "output_tokens": turn.output,
        "service_tier": "standard",
    }
    reason = "tool_use" if turn.call else "end_turn"
    return {"id": f"msg_{turn.id}", "type": "message", "role": "assistant", "model": turn.model, "content": content,
            "stop_reason": reason, "stop_sequence": None, "usage": usage}  # fmt: skip


def events(turn: Turn) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the answer as a stream."""
    whole = message(turn)
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    yield "message_start", {"message": begun}
    yield "ping", {}
    for index, block in enumerate(whole["content"]):
        is_text = block["type"] == "text"
        empty = {"type": "text", "text": ""} if is_text else {**block, "input": {}}
        yield "content_block_start", {"index": index, "content_block": empty}
        for piece in pieces(block["text"] if is_text else json.dumps(block["input"])):
            kind, field = ("text_delta", "text") if is_text else ("input_json_delta", "partial_json")
            yield "content_block_delta", {"index": index, "delta": {"type": kind, field: piece}}
        yield "content_block_stop", {"index": index}
    stop = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield "message_delta", {"delta": stop, "usage": {"output_tokens": turn.output}}
    yield "message_stop", {}


def stream(turn: Turn) -> Iterator[bytes]:
    """Yield the stream's bytes."""
    for name, event in events(turn):
        yield f"event: {name}\ndata: {json.dumps({'type': name, **event}, ensure_ascii=False)}\n\n".encode()
