"""Records for the tests of the exports."""

from typing import Any

UPSTREAMS = {"anthropic": "https://api.anthropic.com", "local": "http://127.0.0.1:9/base"}


def make_record(**changes: Any) -> dict[str, Any]:
    """Return the record of a streamed call, with some members replaced."""
    record: dict[str, Any] = {
        "id": "0199a0b0c0d0000001deadbeef",
        "seq": 7,
        "session_id": "2026-01-02T03-04-05-678Z-0a1b2c3d",
        "request_id": "req_1",
        "started_at": "2026-01-02T03:04:05.678Z",
        "ended_at": "2026-01-02T03:04:06.928Z",
        "duration_ms": 1250.0,
        "ttft_ms": 400.0,
        "upstream": "anthropic",
        "dialect": "anthropic",
        "category": "model",
        "model": "claude-x",
        "response_model": "claude-x-1",
        "outcome": "complete",
        "stop_reason": "end_turn",
        "error": None,
        "partial": False,
        "client": {"name": "claude-code", "version": "2.0"},
        "usage": {
            "input_tokens": 3,
            "output_tokens": None,
            "cache_creation_input_tokens": None,
            "cache_read_input_tokens": 0,
            "raw": {"a": 1},
        },
        "timing": {"connected": 20.0, "reused": False, "request_sent": 30.0, "headers": 300.0, "last_byte": 1250.0},
        "request": make_request(),
        "response": {
            "status": 200,
            "reason": "OK",
            "http_version": "1.1",
            "headers": {"content-type": "text/event-stream"},
            "headers_raw": [["Content-Type", "text/event-stream"]],
            "body_reassembled": {"content": [{"type": "text", "text": "hello"}]},
            "body_bytes": 30,
            "stream": {"text": "event: ping\ndata: {}\n\n", "chunks": [[300.0, 22]]},
        },
        "schema_version": 3,
    }
    return {**record, **changes}


def make_request(**changes: Any) -> dict[str, Any]:
    """Return the request of a record, with some members replaced."""
    request: dict[str, Any] = {
        "method": "POST",
        "path": "/v1/messages?beta=true",
        "headers": {"host": "127.0.0.1:8787", "content-type": "application/json", "x-api-key": "<redacted>"},
        "headers_raw": [
            ["Host", "127.0.0.1:8787"],
            ["Content-Type", "application/json"],
            ["X-Api-Key", "<redacted>"],
            ["Accept-Encoding", "gzip"],
        ],
        "http_version": "1.1",
        "body": {"model": "claude-x", "messages": [{"role": "user", "content": "it's `so` $HOME \n!"}]},
        "body_bytes": 77,
    }
    return {**request, **changes}
