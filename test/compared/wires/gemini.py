"""Google's Gemini API and Code Assist, as the mock speaks them."""

import json
from collections.abc import Iterator
from typing import Any

from test.compared.turn import READ, REASONING, Asked, Turn, pieces


def asked(body: dict[str, Any], model: str) -> Asked:
    """Read a request.

    :param model: the model that the path names; Code Assist names it in the body.
    """
    inner = body.get("request") if isinstance(body.get("request"), dict) else body
    assert isinstance(inner, dict)
    parts = [part for content in inner.get("contents") or () for part in content.get("parts") or ()]
    functions = [each for tool in inner.get("tools") or () for each in tool.get("functionDeclarations") or ()]
    settings = inner.get("generationConfig") or {}
    return Asked(
        body.get("model") or model,
        sum("functionResponse" in part for part in parts),
        {each["name"]: each.get("parametersJsonSchema") or each.get("parameters") or {} for each in functions},
        settings.get("responseJsonSchema") or settings.get("responseSchema"),
    )


def answers(turn: Turn) -> Iterator[dict[str, Any]]:
    """Yield the answer, piece by piece; the last has the counts and says why it stops."""
    parts: list[dict[str, Any]] = [{"text": piece} for piece in pieces(turn.text, 20)]
    if turn.call:
        call = {"id": turn.call.id, "name": turn.call.name, "args": turn.call.arguments}
        parts.append({"functionCall": call, "thoughtSignature": "bW9jaw=="})
    for number, part in enumerate(parts, 1):
        yield _answer(turn, [part], last=number == len(parts))


def whole(turn: Turn) -> dict[str, Any]:
    """Return the answer in one piece."""
    parts = [part for each in answers(turn) for part in each["candidates"][0]["content"]["parts"]]
    return _answer(turn, parts, last=True)


def _answer(turn: Turn, parts: list[dict[str, Any]], *, last: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if last:
        candidate["finishReason"] = "STOP"
    counts = {
        "promptTokenCount": turn.uncached + READ,
        "cachedContentTokenCount": READ,
        "candidatesTokenCount": turn.output - REASONING,
        "thoughtsTokenCount": REASONING,
        "totalTokenCount": turn.uncached + READ + turn.output,
    }
    return {"candidates": [candidate], "modelVersion": turn.model, "responseId": turn.id, "usageMetadata": counts}


def stream(turn: Turn, *, wrapped: bool) -> Iterator[bytes]:
    """Yield the stream's bytes.

    :param wrapped: as Code Assist wraps it.
    """
    for answer in answers(turn):
        said = {"response": answer, "traceId": turn.id} if wrapped else answer
        yield f"data: {json.dumps(said, ensure_ascii=False)}\r\n\r\n".encode()
