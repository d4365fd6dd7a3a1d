"""The text of an answer while it streams: what each event adds to it, in any dialect."""

from collections.abc import Iterator
from typing import Any

#: Types of events whose member ``delta`` is text of the answer (Responses, Realtime, Interactions).
_TEXT_DELTAS = frozenset({"response.output_text.delta", "response.text.delta", "response.refusal.delta"})


def delta_text(event: Any) -> str:
    """Return what an event adds to the text of the answer; empty for thinking and tool calls.

    :param event: the event's JSON value, of any form.
    """
    return "".join(_texts(event)) if isinstance(event, dict) else ""


def _texts(event: dict[str, Any]) -> Iterator[str]:
    delta = event.get("delta")
    if event.get("type") in _TEXT_DELTAS:
        yield _text(delta)
    elif isinstance(delta, dict):
        yield from _of_delta(delta)
    for choice in _list(event.get("choices")):
        yield _text(choice.get("text"))
        yield _text(_dict(choice.get("delta")).get("content"))
    if "contentBlockDelta" in event:
        yield _text(_dict(_dict(event["contentBlockDelta"]).get("delta")).get("text"))
    # Code Assist wraps Gemini's.
    for candidate in _list(event.get("candidates") or _dict(event.get("response")).get("candidates")):
        for part in _list(_dict(candidate.get("content")).get("parts")):
            if not part.get("thought"):
                yield _text(part.get("text"))
    if "done" in event:  # Ollama
        yield _text(event.get("response"))
        yield _text(_dict(event.get("message")).get("content"))


def _of_delta(delta: dict[str, Any]) -> Iterator[str]:
    """Yield the text of Anthropic's and Cohere's deltas."""
    if delta.get("type") == "text_delta":
        yield _text(delta.get("text"))
    content = _dict(_dict(delta.get("message")).get("content"))
    yield _text(content.get("text"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
