"""OpenAI's Chat Completions, which many others speak too, as the mock speaks it."""

import json
from collections.abc import Iterator
from typing import Any

from test.compared.turn import READ, REASONING, Asked, Turn, pieces


def asked(body: dict[str, Any]) -> Asked:
    """Read a request."""
    form = body.get("response_format") or {}
    functions = [tool.get("function") or {} for tool in body.get("tools") or ()]
    return Asked(
        body.get("model", ""),
        sum(message.get("role") == "tool" for message in body.get("messages") or ()),
        {each["name"]: each.get("parameters") for each in functions if each.get("parameters")},
        (form.get("json_schema") or {}).get("schema") if form.get("type") == "json_schema" else None,
    )


def completion(turn: Turn) -> dict[str, Any]:
    """Return the answer in one piece."""
    message: dict[str, Any] = {"role": "assistant", "content": turn.text}
    if turn.call:
        function = {"name": turn.call.name, "arguments": json.dumps(turn.call.arguments)}
        message["tool_calls"] = [{"id": f"call_{turn.call.id}", "type": "function", "function": function}]
    reason = "tool_calls" if turn.call else "stop"
    usage = {
        "prompt_tokens": turn.uncached + READ,
        "prompt_tokens_details": {"cached_tokens": READ},
        "completion_tokens": turn.output,
        "completion_tokens_details": {"reasoning_tokens": REASONING},
        "total_tokens": turn.uncached + READ + turn.output,
    }
    return {"id": f"chatcmpl-{turn.id}", "object": "chat.completion", "created": 1790000000, "model": turn.model,
            "choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": usage}  # fmt: skip


def stream(turn: Turn, *, counts: bool) -> Iterator[bytes]:
    """Yield the stream's bytes.

    :param counts: whether the request asked for usage.
    """
    for chunk in _chunks(completion(turn), counts=counts):
        yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()
    yield b"data: [DONE]\n\n"


def _chunks(whole: dict[str, Any], *, counts: bool) -> Iterator[dict[str, Any]]:
    base = {**{key: whole[key] for key in ("id", "created", "model")}, "object": "chat.completion.chunk"}
    (choice,) = whole["choices"]

    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    yield chunk({"role": "assistant", "content": ""})
    for piece in pieces(choice["message"]["content"]):
        yield chunk({"content": piece})
    for call in choice["message"].get("tool_calls", ()):
        named = {**call["function"], "arguments": ""}
        yield chunk({"tool_calls": [{"index": 0, **call, "function": named}]})
        for piece in pieces(call["function"]["arguments"]):
            yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
    yield chunk({}, choice["finish_reason"])
    if counts:
        yield {**base, "choices": [], "usage": whole["usage"]}
