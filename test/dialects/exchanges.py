"""What the tests of the dialects share: writing streams as bytes and reading them back."""

import json
from collections.abc import Iterable
from typing import Any

from ccsproxy.dialects import DecodedResponse, Facts, detect

#: A target and a content type for the streams of each dialect.
ROUTES = {
    "anthropic": (b"/v1/messages?beta=true", b"text/event-stream; charset=utf-8"),
    "openai_responses": (b"/v1/responses", b"text/event-stream"),
    "openai_chat": (b"/v1/chat/completions", b"text/event-stream"),
    "gemini": (b"/v1beta/models/gemini-3:streamGenerateContent?alt=sse", b"text/event-stream"),
    "ollama": (b"/api/chat", b"application/x-ndjson"),
    "bedrock": (b"/model/anthropic.claude%3A0/invoke-with-response-stream", b"application/vnd.amazon.eventstream"),
    "generic": (b"/somewhere", b"text/event-stream"),
}


def facts_for(target: bytes, content_type: bytes | None, **kwargs: Any) -> Facts:
    """Make the facts of an exchange that was answered with 200."""
    media_type = (content_type or b"").split(b";")[0].strip().lower().decode()
    return Facts(**{"target": target, "status": 200, "content_type": media_type, **kwargs})


def read(chunks: bytes | Iterable[bytes], dialect: str, *, whole: bool = True, **kwargs: Any) -> DecodedResponse:
    """Read a body with the route of a dialect; each chunk arrives a millisecond after the other."""
    target, content_type = ROUTES[dialect]
    return read_as(chunks, facts_for(target, content_type, **kwargs), whole=whole)


def read_as(chunks: bytes | Iterable[bytes], facts: Facts, *, whole: bool = True) -> DecodedResponse:
    """Read a body with given facts."""
    reader = detect(facts).reader(facts)
    for at_ms, chunk in enumerate([chunks] if isinstance(chunks, bytes) else chunks):
        reader.feed(chunk, float(at_ms))
    return reader.finish(whole)


def sse(events: Iterable[Any], named: bool = True) -> bytes:
    """Write events as server-sent events, each with its JSON ``type`` as its name."""
    return b"".join(one_sse(event, named) for event in events)


def one_sse(event: Any, named: bool = True) -> bytes:
    """Write one event."""
    kind = event.get("type") if isinstance(event, dict) and named else None
    name = f"event: {kind}\n".encode() if kind else b""
    return name + b"data: " + json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n\n"


def lines(events: Iterable[Any]) -> bytes:
    """Write events as lines of JSON."""
    return b"".join(json.dumps(event, ensure_ascii=False).encode() + b"\n" for event in events)
