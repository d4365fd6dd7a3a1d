"""Upgrading old records to the current schema, one version per step."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ccsproxy.exchange.ids import SESSION_ID
from ccsproxy.exchange.record import SCHEMA_VERSION

Json = dict[str, Any]


def upgrade(record: Json) -> Json:
    """Return the record in the current schema version; a current or newer one is returned unchanged.

    :param record: a decoded record; it is not changed.
    :raises ValueError: if it is not a record of any version.
    """
    version = record.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError("a record needs a schema_version, an integer from 1")
    while version < SCHEMA_VERSION:
        record = _STEPS[version](record)
        version = record["schema_version"]
    return record


def _from_1(old: Json) -> Json:
    """Convert a record of ccs-proxy to version 2; what version 1 did not contain is null."""
    _check_1(old)
    request, response, error = old["request"], old.get("response"), old.get("error")
    return {
        "id": _id(old),
        "seq": old["seq"],
        "session_id": old["session_id"],
        "request_id": old.get("request_id"),
        "started_at": old["started_at"],
        "ended_at": old.get("ended_at"),
        "duration_ms": old.get("duration_ms"),
        "ttft_ms": old.get("ttft_ms"),
        "upstream": str(old.get("upstream") or ""),
        "dialect": _dialect(request["path"]),
        "category": _category(request["path"]),
        "model": old.get("model"),
        "response_model": _member(_member(response, "body_reassembled"), "model"),
        "outcome": _outcome(old, response, error),
        "stop_reason": _member(_member(response, "body_reassembled"), "stop_reason"),
        "error": error,
        "partial": bool(old.get("partial")),
        "client": _client(request),
        "usage": _usage(old.get("usage")),
        "timing": {"first_token": old.get("ttft_ms"), "last_byte": old.get("duration_ms"), "reused": False},
        "request": _request(request),
        "response": _response(response),
        "capture": {"faults": ["imported_v1"], "redactions": 0, "dropped_bytes": 0},
        "schema_version": 2,
    }


def _from_2(old: Json) -> Json:
    """Convert a record of version 2 to version 3; what version 2 did not contain is null."""
    new = {name: value for name, value in _NEW_IN_3.items() if name not in old}
    return {**old, **new, "schema_version": 3}


_NEW_IN_3: Json = {
    "upstream_url": None,
    "transport": "http",
    "connection": None,
    "delivered_bytes": None,
    "labels": {},
}
_STEPS: dict[int, Callable[[Json], Json]] = {1: _from_1, 2: _from_2}


def _check_1(old: Json) -> None:
    """Refuse a record without the members that identify an exchange."""
    seq, session, request = old.get("seq"), old.get("session_id"), old.get("request")
    if not _is_count(seq) or not isinstance(session, str) or not SESSION_ID.match(session):
        raise ValueError("a version 1 record needs a seq and a session_id")
    if not isinstance(request, dict) or not isinstance(old.get("started_at"), str):
        raise ValueError("a version 1 record needs a request and a started_at")
    if not isinstance(request.get("path"), str) or not isinstance(request.get("method"), str):
        raise ValueError("a version 1 record needs a method and a path")


def _id(old: Json) -> str:
    """Make an id that is the same for every upgrade of the exchange: 12 hexadecimal digits of milliseconds, 14 of a
    hash.
    """
    started = datetime.fromisoformat(old["started_at"])
    name = f"{old['session_id']}/{old['seq']}/{old['started_at']}"
    milliseconds = max(round(started.timestamp() * 1000), 0)
    return f"{milliseconds:012x}{hashlib.sha256(name.encode()).hexdigest()[:14]}"


def _dialect(path: str) -> str | None:
    """Return the dialect of a route that version 1 supported."""
    route = path.partition("?")[0]
    if route.endswith("/messages"):
        return "anthropic"
    if route.endswith("/responses"):
        return "openai_responses"
    return "openai_chat" if route.endswith("/chat/completions") else None


def _category(path: str) -> str:
    """Return the category of a route, as far as version 1 knew it."""
    route = path.partition("?")[0]
    if route.endswith("/count_tokens"):
        return "count_tokens"
    if route.endswith("/models"):
        return "models"
    return "model" if _dialect(path) else "other"


_OUTCOMES = {
    "upstream_unreachable": "upstream_unreachable",
    "tls_handshake_failed": "tls_handshake_failed",
    "sse_truncated": "upstream_truncated",
    "upstream_http_error": "http_error",
}


def _outcome(old: Json, response: Json | None, error: Json | None) -> str:
    """Return the outcome of a version 1 exchange; one that never ended is ``unclean``."""
    kind = _member(error, "kind")
    if kind in _OUTCOMES:
        return _OUTCOMES[kind]
    status = _member(response, "status")
    if isinstance(status, int) and status >= 400:
        return "http_error"
    if response is None:
        return "unclean" if not old.get("ended_at") else "upstream_error"
    return "upstream_truncated" if old.get("partial") else "complete"


def _client(request: Json) -> Json:
    """Derive the client from the headers, and its directory from the system prompt, as version 1 did."""
    agent = _headers(request.get("headers")).get("user-agent", "")
    name, _, rest = agent.partition("/")
    known = {"claude-cli": "claude-code", "codex_cli_rs": "codex"}.get(name, name or None)
    version = rest.partition(" ")[0] or None
    return {"name": known, "version": version, "cwd": working_directory(request.get("body"))}


def working_directory(body: Any) -> str | None:
    """Find the line ``Primary working directory: ...`` in a request's system prompt (string or text blocks)."""
    system = _member(body, "system")
    blocks = system if isinstance(system, list) else [{"text": system}]
    for block in blocks:
        text = _member(block, "text")
        if isinstance(text, str) and "Primary working directory:" in text:
            return text.partition("Primary working directory:")[2].partition("\n")[0].strip() or None
    return None


_COUNTS = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def _usage(old: Any) -> Json | None:
    """Copy the four counts."""
    if not isinstance(old, dict):
        return None
    return {name: old[name] if _is_count(old.get(name)) else None for name in _COUNTS} | {"raw": None}


def _is_count(value: Any) -> bool:
    """Tell whether a value is an integer that every JSON parser represents exactly."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _request(old: Json) -> Json:
    """Convert the request; sizes and hashes on the wire were not kept."""
    headers = _headers(old.get("headers"))
    return {
        "method": old["method"],
        "path": old["path"],
        "headers": headers,
        "headers_raw": [list(pair) for pair in headers.items()],
        "http_version": "1.1",
        "body": old.get("body"),
        "content_encoding": headers.get("content-encoding"),
    }


def _response(old: Any) -> Json | None:
    """Convert the response."""
    if not isinstance(old, dict):
        return None
    headers = _headers(old.get("headers"))
    new = {
        "status": old.get("status") or 0,
        "reason": "",
        "http_version": "1.1",
        "headers": headers,
        "headers_raw": [list(pair) for pair in headers.items()],
        "body_reassembled": old.get("body_reassembled"),
        "content_encoding": headers.get("content-encoding"),
        "raw_sse_frames_count": old.get("raw_sse_frames_count") or 0,
    }
    if isinstance(old.get("raw_sse_text"), str):
        new["raw_sse_text"] = old["raw_sse_text"]
    return new


def _headers(old: Any) -> dict[str, str]:
    """Keep headers whose values are strings."""
    pairs = old.items() if isinstance(old, dict) else ()
    return {str(name).lower(): value for name, value in pairs if isinstance(value, str)}


def _member(value: Any, name: str) -> Any:
    """Return a member of an object, null if it is not an object."""
    return value.get(name) if isinstance(value, dict) else None
