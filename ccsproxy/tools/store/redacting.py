"""Redacts stored records with the current rules: imported ones, and those redacted by older rules."""

import re
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import msgspec

from ccsproxy.capture.recorder.headers import mapping
from ccsproxy.capture.recorder.secrets.notes import notes_of, outbound_of
from ccsproxy.exchange.depth import nested_too_deeply
from ccsproxy.redaction import Redactor, Rules, Tagger
from ccsproxy.redaction.kinds.tags import read_key
from ccsproxy.wire.jsontext import dumps

Json = dict[str, Any]

#: Further members of a record whose text comes from outside.
_SAID = ("error", "client", "model", "response_model", "stop_reason", "request_id")
_SSE = re.compile(r"\ufeff?\s*(?:(?:data|event|id|retry)(?::|\s)|:)")


def rules_of(data_dir: Path, patterns: list[str], keep: list[str]) -> Rules:
    """Return the rules for a data dir: the built-in ones and those given, with the data dir's key.

    :raises ValueError: if a pattern is invalid; OSError if the key cannot be read.
    """
    return Rules(Tagger(read_key(data_dir)), patterns, keep)


def redacted(record: Json, redactor: Redactor) -> Json:
    """Return a record without the secrets that the redactor finds in it.

    What was replaced is added to the record's own report.
    """
    request, response = dict(record["request"]), record["response"]
    _redact_headers(redactor, request, "request")
    request["path"] = redactor.target(request["path"], "request.path")
    if response is not None:
        response = _response(redactor, dict(response))
    _redact_body(redactor, request, "body", "request")
    clean_members = {name: redactor.tree(record[name], name) for name in _SAID if name in record}
    return (
        record
        | clean_members
        | {"request": request, "response": response, "capture": _noted(record["capture"], redactor)}
    )


def redacted_started(started: Json, redactor: Redactor) -> Json:
    """Return a started line without secrets."""
    headers = started.get("headers") or {}
    pairs = redactor.headers(list(headers.items()), "request.headers")
    clean_members = {name: redactor.tree(started[name], name) for name in ("client", "model") if name in started}
    return (
        started
        | clean_members
        | {"headers": dict(pairs), "path": redactor.target(started.get("path", ""), "request.path")}
    )


def _response(redactor: Redactor, response: Json) -> Json:
    _redact_headers(redactor, response, "response")
    if "raw_sse_text" in response:  # before the body that was assembled from it, see Redactor.tree
        response["raw_sse_text"] = redactor.stream(response["raw_sse_text"], "sse", None, "response.raw_sse_text")
    stream = response.get("stream")
    if isinstance(stream, dict) and isinstance(stream.get("text"), str):
        text = redactor.stream(stream["text"], _kind_of(stream["text"]), None, "response.stream")
        response["stream"] = stream | {"text": text}
    if response.get("trailers"):
        trailers = [(name, value) for name, value in response["trailers"]]
        response["trailers"] = [list(pair) for pair in redactor.headers(trailers, "response.trailers")]
    _redact_body(redactor, response, "body_reassembled", "response")
    return response


def _kind_of(text: str) -> str:
    """Detect the kind of a stored stream's text, which is stored decoded."""
    if _SSE.match(text):
        return "sse"
    return {"[": "json", "{": "ndjson"}.get(text.lstrip()[:1], "")


def _redact_body(redactor: Redactor, part: Json, member: str, where: str) -> None:
    """Redact a body; one that is nested too deeply for a record becomes text."""
    body, place = part.get(member), f"{where}.{member}"
    if isinstance(body, dict | list) and nested_too_deeply(body):
        body = dumps(body).decode("utf-8")
    part[member] = redactor.text(body, place) if isinstance(body, str) else redactor.tree(body, place)
    if isinstance(part.get("body_base64"), str):
        clean = redactor.binary(b64decode(part["body_base64"]), f"{where}.body_base64")
        part["body_base64"] = b64encode(clean).decode("ascii")


def _redact_headers(redactor: Redactor, part: Json, where: str) -> None:
    """Redact both forms of a head's fields."""
    pairs = redactor.headers([(name, value) for name, value in part["headers_raw"]], f"{where}.headers")
    clean = [list(pair) for pair in pairs]
    if clean != [list(pair) for pair in part["headers_raw"]]:
        part["headers"] = mapping(pairs)
    part["headers_raw"] = clean


def _noted(capture: Json, redactor: Redactor) -> Json:
    """Return the record's capture report, with what was replaced now."""
    report = redactor.report
    added = {
        "redacted": [*capture.get("redacted", []), *msgspec.to_builtins(notes_of(report))],
        "outbound_secrets": [*capture.get("outbound_secrets", []), *msgspec.to_builtins(outbound_of(report))],
    }
    return capture | added | {"redactions": (capture.get("redactions") or 0) + report.count}
