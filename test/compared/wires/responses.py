"""OpenAI's Responses API, over HTTP and WebSocket, as the mock speaks it."""

import json
from collections.abc import Iterator
from typing import Any

from test.compared.turn import READ, REASONING, Asked, Turn, pieces


def asked(body: dict[str, Any]) -> Asked:
    """Read a request, whole or an increment."""
    given = body.get("input")
    items = [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []
    form = (body.get("text") or {}).get("format") or {}
    tools = list(body.get("tools") or ())
    tools += [tool for item in items if item.get("type") == "additional_tools" for tool in item.get("tools") or ()]
    flat = list(_flat(tools))
    return Asked(
        body.get("model", ""),
        sum(str(item.get("type")).endswith("_call_output") for item in items),
        {tool["name"]: tool.get("parameters") for tool, _ in flat if tool.get("name")},
        form.get("schema") if form.get("type") == "json_schema" else None,
        {str(tool.get("name")): namespace for tool, namespace in flat if namespace},
    )


def _flat(tools: list[dict[str, Any]], namespace: str = "") -> Iterator[tuple[dict[str, Any], str]]:
    """Yield tools, each with its namespace."""
    for tool in tools:
        if tool.get("type") in ("function", "custom"):
            yield tool, namespace
        elif tool.get("type") == "namespace":
            yield from _flat(tool.get("tools") or [], str(tool.get("name")))


def response(turn: Turn, *, silent: bool = False) -> dict[str, Any]:
    """Return the answer in one piece.

    :param silent: for a request that only prepares (``generate: false``).
    """
    output: list[dict[str, Any]] = [] if silent else list(_items(turn))
    usage = {
        "input_tokens": turn.uncached + READ,
        "input_tokens_details": {"cached_tokens": READ},
        "output_tokens": turn.output,
        "output_tokens_details": {"reasoning_tokens": REASONING},
        "total_tokens": turn.uncached + READ + turn.output,
    }
    return {"id": f"resp_{turn.id}", "object": "response", "created_at": 1790000000, "status": "completed",
            "model": turn.model, "output": output, "usage": usage, "error": None, "incomplete_details": None,
            "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "metadata": {}}  # fmt: skip


def _items(turn: Turn) -> Iterator[dict[str, Any]]:
    part = {"type": "output_text", "text": turn.text, "annotations": []}
    yield {"id": f"msg_{turn.id}", "type": "message", "status": "completed", "role": "assistant", "content": [part]}
    if turn.call is None:
        return
    common = {"status": "completed", "call_id": f"call_{turn.call.id}", "name": turn.call.name}
    common |= {"namespace": turn.call.namespace} if turn.call.namespace else {}
    if isinstance(turn.call.arguments, str):
        yield {"id": f"ctc_{turn.id}", "type": "custom_tool_call", **common, "input": turn.call.arguments}
    else:
        arguments = json.dumps(turn.call.arguments)
        yield {"id": f"fc_{turn.id}", "type": "function_call", **common, "arguments": arguments}


def events(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the answer as a stream, numbered."""
    for number, event in enumerate(_events(whole)):
        yield {**event, "sequence_number": number}


def _events(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(whole["output"]):
        empty = {"message": {"content": []}, "function_call": {"arguments": ""}, "custom_tool_call": {"input": ""}}
        added = {**item, "status": "in_progress", **empty[item["type"]]}
        yield {"type": "response.output_item.added", "output_index": index, "item": added}
        yield from _inside(index, item)
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": "response.completed", "response": whole}


def _inside(index: int, item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    where = {"item_id": item["id"], "output_index": index}
    if item["type"] == "message":
        (part,) = item["content"]
        place = {**where, "content_index": 0}
        yield {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}
        for piece in pieces(part["text"]):
            yield {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
        yield {"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []}
        yield {"type": "response.content_part.done", **place, "part": part}
    elif item["type"] == "function_call":
        for piece in pieces(item["arguments"]):
            yield {"type": "response.function_call_arguments.delta", **where, "delta": piece}
        yield {"type": "response.function_call_arguments.done", **where, "arguments": item["arguments"]}


def stream(turn: Turn) -> Iterator[bytes]:
    """Yield the stream's bytes."""
    for event in events(response(turn)):
        yield f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
