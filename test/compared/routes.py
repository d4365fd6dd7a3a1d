"""Which answer a path gets, and what the mock remembers of it."""

import json
import re
from collections.abc import Iterable
from typing import Any

import attr

from test.compared import side
from test.compared.turn import READ, REASONING, WRITTEN, Turn, decide
from test.compared.wires import anthropic, chat, cohere, gemini, responses

_GEMINI = re.compile(r"(?:models/([^:/]+)|v1internal):(\w+)")
_STREAM = "text/event-stream; charset=utf-8"


@attr.frozen
class Answer:
    """What the mock answers.

    :ivar pieces: the body; sent chunked when there are several.
    :ivar told: what a record of it has to say: ``id``, ``model`` and our ``usage``; empty for side calls.
    """

    pieces: Iterable[bytes]
    content_type: str = "application/json"
    status: int = 200
    told: dict[str, Any] = attr.field(factory=dict)


def answer(method: str, host: str, path: str, body: Any, agent: str) -> Answer:
    """Answer a request.

    :param path: without the query.
    :param body: the JSON value of the body, None without one.
    :param agent: the request's ``User-Agent``.
    """
    known = body if isinstance(body, dict) else {}
    if method == "POST":
        said = _model_call(path, known)
        if said is not None:
            return said
    status, value = side.answer(method, host, path, agent)
    return Answer([json.dumps(value).encode()], status=status)


def _model_call(path: str, body: dict[str, Any]) -> Answer | None:
    if path.endswith("/messages/count_tokens"):
        return Answer([b'{"input_tokens": 1150}'])
    if path.endswith("/v1/messages"):
        turn = decide(anthropic.asked(body))
        told = _told(turn, f"msg_{turn.id}", cache_creation_input_tokens=WRITTEN)
        return _either(body, anthropic.stream(turn), anthropic.message(turn), told)
    if path.endswith("/responses"):
        turn = decide(responses.asked(body))
        told = _told(turn, f"resp_{turn.id}", reasoning_tokens=REASONING)
        return _either(body, responses.stream(turn), responses.response(turn), told)
    if path.endswith("/chat/completions"):
        turn = decide(chat.asked(body))
        counts = bool((body.get("stream_options") or {}).get("include_usage"))
        told = _told(turn, f"chatcmpl-{turn.id}", reasoning_tokens=REASONING)
        if body.get("stream") and not counts:
            told["usage"] = None
        return _either(body, chat.stream(turn, counts=counts), chat.completion(turn), told)
    if path.endswith("/v2/chat"):
        turn = decide(chat.asked(body))
        told = {"id": turn.id, "usage": {"input_tokens": turn.uncached, "output_tokens": turn.output}}
        return _either(body, cohere.stream(turn), cohere.message(turn), told)
    found = _GEMINI.search(path)
    return _gemini(found[1] or "", found[2], body) if found else None


def _gemini(model: str, action: str, body: dict[str, Any]) -> Answer:
    if action == "countTokens":
        return Answer([b'{"totalTokens": 1150}'])
    if action not in ("generateContent", "streamGenerateContent"):
        return Answer([json.dumps(side.code_assist(action)).encode()])
    turn = decide(gemini.asked(body, model))
    told = _told(turn, turn.id, reasoning_tokens=REASONING)
    wrapped = "request" in body
    if action == "streamGenerateContent":
        return Answer(gemini.stream(turn, wrapped=wrapped), _STREAM, told=told)
    whole = {"response": gemini.whole(turn)} if wrapped else gemini.whole(turn)
    return Answer([json.dumps(whole).encode()], told=told)


def _told(turn: Turn, number: str, **more: int) -> dict[str, Any]:
    counts = {"input_tokens": turn.uncached, "cache_read_input_tokens": READ, "output_tokens": turn.output}
    return {"id": number, "model": turn.model, "usage": {**counts, **more}}


def _either(body: dict[str, Any], stream: Iterable[bytes], whole: Any, told: dict[str, Any]) -> Answer:
    if body.get("stream"):
        return Answer(stream, _STREAM, told=told)
    return Answer([json.dumps(whole).encode()], told=told)


def websocket_events(body: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Answer one message of Responses over WebSocket; return the messages and what a record has to say."""
    if body.get("type") != "response.create":
        return [], {}
    turn = decide(responses.asked(body))
    whole = responses.response(turn, silent=body.get("generate") is False)
    told = _told(turn, whole["id"], reasoning_tokens=REASONING)
    return [json.dumps(event) for event in responses.events(whole)], told
