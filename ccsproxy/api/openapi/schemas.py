"""JSON schemas of the API's answers, for the OpenAPI document."""

from collections.abc import Mapping

from ccsproxy.api.answers.schemas import INSIGHT_SCHEMAS
from ccsproxy.api.openapi.schema_forms import COUNT, FLAG, NUMBER, TEXT, Schema, every, maybe, members, ref

_TOKENS = {
    name: maybe("integer")
    for name in ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
}

_HEALTH = members(
    {
        "status": TEXT,
        "provider": maybe("string"),
        "upstream": maybe("string"),
        "session_id": maybe("string"),
        "started_at": maybe("string"),
        "request_count": maybe("integer"),
        "store": maybe("string"),
        "pid": maybe("integer"),
        "version": maybe("string"),
        "uptime_s": NUMBER,
        "upstreams": maybe("object"),
        "in_flight": maybe("integer"),
        "accepted": maybe("integer"),
        "stored": maybe("integer"),
        "dropped": maybe("integer", "object"),
        "queue_bytes": maybe("integer"),
        "recorder_behind_s": maybe("number"),
        "capture_failures": maybe("integer"),
        "ship": maybe("object"),
        "redact": maybe("boolean"),
        "snapshot_age_s": maybe("number"),
    },
    about="Everything that the relay reports is null until its first report.",
)

_SESSION_ROW = members(
    {
        "session_id": TEXT,
        "provider": maybe("string"),
        "upstream": maybe("string"),
        "proxy_port": maybe("integer"),
        "api_port": maybe("integer"),
        "started_at": TEXT,
        "ended_at": maybe("string"),
        "request_count": COUNT,
        "schema_version": COUNT,
        "cwd": maybe("string"),
        "models": every(TEXT),
        "title": maybe("string"),
        "client": maybe("string"),
        "total_input_tokens": maybe("integer"),
        "total_output_tokens": maybe("integer"),
        "cost": maybe("number"),
        "unpriced": COUNT,
        "unpriced_models": {"type": "array", "items": TEXT},
    }
)

_SUMMARY = members(
    {
        "seq": COUNT,
        "session_id": TEXT,
        "request_id": maybe("string"),
        "started_at": TEXT,
        "duration_ms": maybe("number"),
        "model": maybe("string"),
        "status": maybe("integer"),
        "input_tokens": maybe("integer"),
        "output_tokens": maybe("integer"),
        "has_error": FLAG,
    },
    {
        "outcome": maybe("string"),
        "ttft_ms": maybe("number"),
        "cost": maybe("number"),
        "unpriced": maybe("string"),
        "upstream": TEXT,
    },
    "Further members say more about the exchange; null means unknown, an outcome of null means still running.",
)

_RECORD = members(
    {
        "seq": COUNT,
        "session_id": TEXT,
        "request_id": maybe("string"),
        "started_at": TEXT,
        "ended_at": maybe("string"),
        "duration_ms": maybe("number"),
        "ttft_ms": maybe("number"),
        "model": maybe("string"),
        "usage": {"anyOf": [members({}, _TOKENS), {"type": "null"}]},
        "error": {"anyOf": [members({"kind": TEXT, "message": TEXT}), {"type": "null"}]},
        "partial": FLAG,
        "schema_version": COUNT,
        "request": members(
            {"method": TEXT, "path": TEXT, "headers": {"type": "object", "additionalProperties": TEXT}, "body": {}}
        ),
        "response": {
            "anyOf": [
                members({"status": COUNT, "headers": {"type": "object"}, "body_reassembled": {}}),
                {"type": "null"},
            ]
        },
    },
    about="One complete exchange, with its secrets redacted.",
)

SCHEMAS: Mapping[str, Schema] = {
    **INSIGHT_SCHEMAS,
    "Health": _HEALTH,
    "SessionRow": _SESSION_ROW,
    "Sessions": every(ref("SessionRow")),
    "Summary": _SUMMARY,
    "Session": members({"meta": ref("SessionRow"), "requests": every(ref("Summary"))}),
    "Page": members(
        {"requests": every(ref("Summary")), "next": maybe("string")},
        {"totals": {"type": "object"}, "reading": every(TEXT), "unknown": every(TEXT)},
        about="`next` is the value of `before` for the page that follows, null when there is none. `unknown` has, "
        "if the list is empty, a sentence for each filter value that no record has.",
    ),
    "Record": _RECORD,
    "Stats": {"type": "object", "description": "Counts per upstream and model, and in total."},
    "Meta": {"type": "object", "description": "The distinct values of each filter."},
    "Description": {"type": "object"},
    "Error": members({"error": members({"type": TEXT, "message": TEXT})}),
}
