"""Cohere's Chat API (v2), as the mock speaks it."""

import json
from collections.abc import Iterator
from typing import Any

from test.compared.turn import Turn, pieces


def message(turn: Turn) -> dict[str, Any]:
    """Return the answer in one piece."""
    counts = {"input_tokens": turn.uncached, "output_tokens": turn.output}
    return {
        "id": turn.id,
        "finish_reason": "COMPLETE",
        "message": {"role": "assistant", "content": [{"type": "text", "text": turn.text}]},
        "usage": {"billed_units": counts, "tokens": counts},
    }


def stream(turn: Turn) -> Iterator[bytes]:
    """Yield the stream's bytes."""
    for event in _events(turn):
        yield f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


def _events(turn: Turn) -> Iterator[dict[str, Any]]:
    start = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield {"type": "message-start", "id": turn.id, "delta": {"message": start}}
    yield {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}}
    for piece in pieces(turn.text):
        yield {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": piece}}}}
    yield {"type": "content-end", "index": 0}
    whole = message(turn)
    yield {"type": "message-end", "delta": {"finish_reason": whole["finish_reason"], "usage": whole["usage"]}}
