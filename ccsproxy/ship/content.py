"""A record without its content: who called what, when, how it ended and what it cost remain."""

from typing import Any

#: Members of ``request`` and ``response`` with content, and their replacements.
_OF_REQUEST = {"body": None, "body_base64": None}
_OF_RESPONSE = {"body_reassembled": None, "body_base64": None, "raw_sse_text": None, "trailers": None}
#: Header fields with metadata about the call; all others may contain anything, so they are removed.
KEPT_HEADERS = frozenset(
    "user-agent content-type content-length content-encoding anthropic-version anthropic-beta openai-version "
    "traceparent retry-after date x-request-id request-id anthropic-request-id openai-request-id".split()
)


def without_content(record: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a record with metadata only."""
    request, response = record.get("request") or {}, record.get("response")
    return {
        **record,
        "request": {**_cleared(request, _OF_REQUEST), "path": str(request.get("path") or "").partition("?")[0]},
        "response": None if response is None else _response(response),
        "error": _kind_alone(record.get("error")),
        "content": "metadata",
    }


def _response(response: dict[str, Any]) -> dict[str, Any]:
    kept = _cleared(response, _OF_RESPONSE)
    stream = kept.get("stream")
    if isinstance(stream, dict):
        kept["stream"] = {**stream, "text": ""}
    return kept


def _cleared(part: dict[str, Any], members: dict[str, None]) -> dict[str, Any]:
    kept = {name: members.get(name, value) if name in members else value for name, value in part.items()}
    headers = kept.get("headers")
    if isinstance(headers, dict):
        kept["headers"] = {name: value for name, value in headers.items() if name in KEPT_HEADERS}
    raw = kept.get("headers_raw")
    if isinstance(raw, list):
        kept["headers_raw"] = [pair for pair in raw if str(pair[0]).lower() in KEPT_HEADERS]
    return kept


def _kind_alone(error: Any) -> Any:
    """Keep only the kind of an error: its message may repeat the prompt."""
    return {"kind": error.get("kind"), "message": ""} if isinstance(error, dict) else error
