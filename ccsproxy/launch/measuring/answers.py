"""The mock's answers to a measured agent: one word, in the wire format of the path, without tool calls."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import attr

_TEXT = "Hello."
_STREAM, _JSON = "text/event-stream; charset=utf-8", "application/json"


@attr.frozen
class MockAnswer:
    """One response of the mock.

    :ivar is_model_call: the path is that of a model call.
    :ivar is_model_call: the path is that of a model call.
    """

    status: int
    content_type: str
    body: bytes
    is_model_call: bool = False


#: Makes Codex fall back to HTTP at once; the attempt to use a WebSocket is worth comparing.
UPGRADE_REFUSED = MockAnswer(426, _JSON, b"{}", is_model_call=True)


def answer(method: str, path: str, body: Any) -> MockAnswer:
    """Answer a request.

    Other requests get 503: nothing with lasting consequences for an agent, such as a refused login might have.

    :param path: without its query.
    :param body: the JSON value of the body, None if there is none.
    """
    known = body if isinstance(body, dict) else {}
    model, streams = str(known.get("model") or "mock"), bool(known.get("stream"))
    if method == "POST" and path.endswith("/messages"):
        return _either(streams, _message(model), _message_events(model))
    if method == "POST" and path.endswith("/responses"):
        return _either(streams, _response(model), _response_events(model))
    if method == "POST" and path.endswith("/chat/completions"):
        return _either(streams, _completion(model), _chunks(model), named=False)
    if method == "POST" and path.endswith("enerateContent"):
        return _either("stream" in path.rpartition(":")[2], _content(path), [_content(path)], named=False)
    if method in ("GET", "HEAD") and path == "/":
        return MockAnswer(200, _JSON, b"{}")
    return MockAnswer(503, _JSON, b'{"error":{"type":"unavailable","message":"the mock answers model calls only"}}')


def _either(
    streams: bool, whole: dict[str, Any], events: Iterable[dict[str, Any]], *, named: bool = True
) -> MockAnswer:
    if not streams:
        return MockAnswer(200, _JSON, json.dumps(whole).encode(), is_model_call=True)
    lines = ((f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n" for event in events)
    return MockAnswer(200, _STREAM, "".join(lines).encode(), is_model_call=True)


def _message(model: str) -> dict[str, Any]:
    usage = {"input_tokens": 10, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 2}
    content = [{"type": "text", "text": _TEXT}]
    return {"id": "msg_mock", "type": "message", "role": "assistant", "model": model, "content": content,
            "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}  # fmt: skip


def _message_events(model: str) -> Iterable[dict[str, Any]]:
    begun = {**_message(model), "content": [], "stop_reason": None}
    yield {"type": "message_start", "message": begun}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": _TEXT}}
    yield {"type": "content_block_stop", "index": 0}
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": stop, "usage": {"output_tokens": 2}}
    yield {"type": "message_stop"}


def _response(model: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": _TEXT, "annotations": []}
    item = {"id": "msg_mock", "type": "message", "status": "completed", "role": "assistant", "content": [part]}
    usage = {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 2,
             "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 12}  # fmt: skip
    return {"id": "resp_mock", "object": "response", "created_at": 1790000000, "status": "completed", "model": model,
            "output": [item], "usage": usage, "error": None, "incomplete_details": None, "tools": [],
            "parallel_tool_calls": True, "tool_choice": "auto", "metadata": {}}  # fmt: skip


def _response_events(model: str) -> Iterable[dict[str, Any]]:
    whole = _response(model)
    (item,) = whole["output"]
    yield {"type": "response.created", "response": {**whole, "status": "in_progress", "output": [], "usage": None}}
    yield {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}}
    yield {"type": "response.output_text.delta", "item_id": item["id"], "output_index": 0, "content_index": 0,
           "delta": _TEXT}  # fmt: skip
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}
    yield {"type": "response.completed", "response": whole}


def _completion(model: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": _TEXT}
    return {"id": "chatcmpl-mock", "object": "chat.completion", "created": 1790000000, "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}}  # fmt: skip


def _chunks(model: str) -> Iterable[dict[str, Any]]:
    base = {"id": "chatcmpl-mock", "object": "chat.completion.chunk", "created": 1790000000, "model": model}
    answer_message = {"role": "assistant", "content": _TEXT}
    yield {**base, "choices": [{"index": 0, "delta": answer_message, "finish_reason": None}]}
    yield {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def _content(path: str) -> dict[str, Any]:
    part = {"content": {"parts": [{"text": _TEXT}], "role": "model"}, "index": 0, "finishReason": "STOP"}
    counts = {"promptTokenCount": 10, "candidatesTokenCount": 2, "totalTokenCount": 12}
    answer = {"candidates": [part], "modelVersion": "mock", "responseId": "mock", "usageMetadata": counts}
    return {"response": answer} if "v1internal" in path else answer
