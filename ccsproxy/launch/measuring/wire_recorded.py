"""Recorded calls as exchanges of bytes, to verify a proxy with one's own traffic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ccsproxy.exports.address import forwarded_path
from ccsproxy.exports.mock.answers import RecordedAnswer, answer_of
from ccsproxy.exports.payload import header_pairs, request_payload
from ccsproxy.launch.measuring.wire import WireExchange

#: Request fields that follow from the body and the connection.
_LEFT_OUT = frozenset({"host", "content-length", "transfer-encoding", "content-encoding", "expect", "upgrade", "te"})


def recorded_exchanges(records: Iterable[Mapping[str, Any]]) -> Iterator[WireExchange]:
    """Yield the exchanges of those records that are detailed enough; secrets remain placeholders."""
    for record in records:
        answer = answer_of(record)
        if answer is None or record.get("transport", "http") != "http":
            continue
        name = f"{record['session_id']}/{record['seq']}"
        yield WireExchange(name, _request(record), [_head(answer), *(data for _, data in answer.pieces)])


def _request(record: Mapping[str, Any]) -> bytes:
    request = record.get("request") or {}
    body = request_payload(record).content
    lines = [f"{request.get('method')} {forwarded_path(record)} HTTP/1.1", "Host: {host}"]
    lines += [
        f"{name}: {value}"
        for name, value in header_pairs(request)
        if name.lower() not in _LEFT_OUT and not name.lower().startswith(("proxy-", "connection", "keep-alive"))
    ]
    lines += [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "replace") + body


def _head(answer: RecordedAnswer) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in answer.headers)]
    lines.append(f"Content-Length: {sum(len(data) for _, data in answer.pieces)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "replace")
