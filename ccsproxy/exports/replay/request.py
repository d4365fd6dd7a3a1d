"""A recorded request with the requested modifications, ready to be sent again, or the reason why it cannot be."""

import re
from collections.abc import Mapping
from typing import Any

import attr

from ccsproxy.exports.address import forwarded_path
from ccsproxy.exports.payload import header_pairs, request_payload
from ccsproxy.exports.replay.edits import Edits, edited
from ccsproxy.exports.replay.errors import NotReplayable
from ccsproxy.exports.replay.places import is_replaced, placeholders, write_place
from ccsproxy.wire.headers import HOP_BY_HOP
from ccsproxy.wire.jsontext import dumps

#: Credential fields: never sent as recorded.
CREDENTIALS = frozenset({"authorization", "x-api-key", "x-goog-api-key", "api-key"})
#: Fields that depend on the body or the connection, or contain a signature that only its creator can renew.
_LEFT_OUT = CREDENTIALS | {
    *(name.decode() for name in HOP_BY_HOP),
    *("host", "content-length", "content-encoding", "accept-encoding", "expect", "cookie"),
    *("x-amz-date", "x-amz-security-token", "x-amz-content-sha256"),
}
_QUERY_KEY = re.compile(r"(?<=[?&])key=[^&#]*&?")


@attr.frozen
class ReplayRequest:
    """A request that is complete except for a credential.

    :ivar base: scheme, authority and base path of the upstream; empty if the record does not tell.
    :ivar upstream: NAME of the upstream.
    :ivar target: path and query below the base.
    :ivar headers: without credentials, and without fields that depend on body and connection.
    :ivar shown: the credential fields of the recorded request.
    :ivar notes: which parts of the record are not sent, in sentences.
    """

    method: str
    base: str
    upstream: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    value: Any
    shown: frozenset[str]
    notes: tuple[str, ...] = ()


def replay_request(record: Mapping[str, Any], edits: Edits) -> ReplayRequest:
    """Return the request to be sent.

    :param record: as kept; one that continues another has its context already.
    :raises NotReplayable: if the record is insufficient, or has placeholders instead of secrets.
    :raises EditError: if something to be modified does not exist.
    """
    _check_whole(record)
    request = record["request"]
    target, shown_key = _without_key(forwarded_path(record))
    if is_replaced(target):
        raise NotReplayable("its path contains a secret that was replaced in the record")
    if record.get("transport") == "websocket":
        record, target = _as_post(record, target)
    target, value = edited(edits, record.get("dialect"), target, record["request"].get("body"))
    _check_secrets(record, value)
    pairs = header_pairs(request)
    shown = {name.lower() for name, _ in pairs} & CREDENTIALS | ({"x-goog-api-key"} if shown_key else set())
    headers, notes = _headers(pairs)
    body = dumps(value) if isinstance(value, dict | list) else request_payload(record).content
    return ReplayRequest(
        method=str(request.get("method") or "GET") if record.get("transport") != "websocket" else "POST",
        base=str(record.get("upstream_url") or ""),
        upstream=str(record.get("upstream") or ""),
        target=target,
        headers=headers,
        body=body,
        value=value,
        shown=frozenset(shown),
        notes=notes,
    )


def _check_whole(record: Mapping[str, Any]) -> None:
    if record.get("transport") == "tunnel":
        raise NotReplayable("it was relayed as a tunnel, so its content is unknown")
    request, payload = record.get("request") or {}, request_payload(record)
    faults = (record.get("capture") or {}).get("faults") or ()
    if payload.missing:
        raise NotReplayable(f"its body was not kept ({payload.wire_bytes} bytes; see --capture)")
    cut = payload.text is not None and "json" in payload.media_type and isinstance(request.get("body"), str)
    if "request_partial" in faults or (cut and "nested_deeply" not in faults):
        raise NotReplayable("its body is incomplete in the record")
    binary = payload.binary
    if binary is not None and not payload.coded and payload.wire_bytes and len(binary) < payload.wire_bytes:
        raise NotReplayable("its body was too long to be kept completely")
    if isinstance(request.get("body"), dict) and "_missing_context" in request["body"]:
        raise NotReplayable(f"call {request['body']['_missing_context']}, which it continues, is not kept any more")


def _check_secrets(record: Mapping[str, Any], value: Any) -> None:
    """Refuse a body with placeholders instead of secrets; text that merely looks like a placeholder is accepted."""
    capture = record.get("capture") or {}
    noted = capture.get("redacted")
    replaced = any(str(note.get("where", "")).startswith("request.body") for note in noted or ())
    if not (replaced or (not noted and capture.get("redactions", 1))):
        return
    found = list(placeholders(value))
    if found:
        first = write_place(found[0]) or "the body"
        more = f" and {len(found) - 1} more places" if len(found) > 1 else ""
        raise NotReplayable(f"secrets were replaced in the record at {first}{more}; give each a value with --set")


def _headers(pairs: list[tuple[str, str]]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    named = {
        each.strip().lower() for name, value in pairs if name.lower() == "connection" for each in value.split(",")
    }
    kept, notes = [], []
    for name, value in pairs:
        low = name.lower()
        if low in _LEFT_OUT or low in named or low.startswith(("proxy-", "sec-websocket-")):
            continue
        if is_replaced(value):
            notes.append(f"the field {name} is left out: its value was replaced in the record")
        else:
            kept.append((name, value))
    return tuple(kept), tuple(notes)


def _without_key(target: str) -> tuple[str, bool]:
    left = _QUERY_KEY.sub("", target)
    return left.rstrip("?&") if left != target else target, left != target


#: Members of a WebSocket message that belong to the socket, or to earlier messages on it.
_SOCKET_ONLY = frozenset({"type", "previous_response_id", "generate"})


def _as_post(record: Mapping[str, Any], target: str) -> tuple[Mapping[str, Any], str]:
    """Return a message of the Responses API as the equivalent POST.

    :raises NotReplayable: for other protocols.
    """
    request = record["request"]
    body = request.get("body")
    if record.get("dialect") != "openai_responses" or not isinstance(body, dict):
        raise NotReplayable("it was a WebSocket message without an equivalent plain request")
    if body.get("generate") is False:
        raise NotReplayable("it only warmed up the connection and requested no response")
    # `forwarded_path` has the handshake's path, which is also that of the POST.
    members = {name: value for name, value in body.items() if name not in _SOCKET_ONLY} | {"stream": True}
    fields = [(name, value) for name, value in header_pairs(request) if name.lower() != "openai-beta"]
    fields += [("content-type", "application/json"), ("accept", "text/event-stream")]
    return {**record, "request": {**request, "body": members, "headers_raw": fields}}, target
