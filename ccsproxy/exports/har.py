"""An exchange or a session as an HTTP Archive (HAR 1.2, http://www.softwareishard.com/blog/har-12-spec/)."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ccsproxy import __version__
from ccsproxy.exports.address import Upstreams, exchange_url, host_of
from ccsproxy.exports.payload import Payload, compact, header, header_pairs, request_payload, response_payload

#: Members whose names begin with an underscore are the format's extension mechanism.
_OWN = (
    "id",
    "session_id",
    "seq",
    "request_id",
    "upstream",
    "dialect",
    "category",
    "model",
    "response_model",
    "outcome",
)
_OWN_LATER = ("stop_reason", "usage", "ttft_ms", "partial", "client")


def har(record: Mapping[str, Any], upstreams: Upstreams) -> Iterator[str]:
    """Write one exchange as an archive."""
    return _archive([record], upstreams)


def session_har(
    meta: Mapping[str, Any], records: Iterable[Mapping[str, Any]], upstreams: Upstreams, extras: Any = None
) -> Iterator[str]:
    """Write a session as an archive, entry by entry, so that it is never in memory as a whole."""
    return _archive(records, upstreams, str(meta.get("title") or meta.get("session_id") or ""))


def entry(record: Mapping[str, Any], upstreams: Upstreams) -> dict[str, Any]:
    """Return the archive's entry for an exchange."""
    timings = _timings(record)
    made = {
        "startedDateTime": record.get("started_at") or "1970-01-01T00:00:00.000Z",
        "time": round(sum(value for value in timings.values() if value >= 0), 3),
        "request": _request(record, upstreams),
        "response": _response(record),
        "cache": {},
        "timings": timings,
    }
    made.update({f"_{name}": record[name] for name in _OWN + _OWN_LATER if record.get(name) is not None})
    if record.get("error"):
        made["_error"] = record["error"]
        made["comment"] = str(record["error"].get("message") or "")
    return made


def _archive(records: Iterable[Mapping[str, Any]], upstreams: Upstreams, comment: str = "") -> Iterator[str]:
    creator = compact({"name": "ccsproxy", "version": __version__})
    note = f',"comment":{compact(comment)}' if comment else ""
    # The outer object is written by hand, so that a session of a gigabyte is streamed entry by entry.
    yield f'{{"log":{{"version":"1.2","creator":{creator}{note},"entries":['
    separator = "\n"
    for record in records:
        yield separator + compact(entry(record, upstreams))
        separator = ",\n"
    yield "\n]}}\n"


def _request(record: Mapping[str, Any], upstreams: Upstreams) -> dict[str, Any]:
    part = record.get("request") or {}
    payload = request_payload(record)
    url = exchange_url(record, upstreams)
    made = {
        "method": part.get("method") or "GET",
        "url": url,
        "httpVersion": _version(part),
        "cookies": [],
        "headers": _headers(part, host_of(url)),
        "queryString": [
            {"name": name, "value": value} for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True)
        ],
        "headersSize": -1,
        "bodySize": _size(payload),
    }
    if payload.text is not None:
        made["postData"] = {"mimeType": payload.media_type, "text": payload.text}
    elif payload.binary is not None:
        text = base64.b64encode(payload.binary).decode()
        # The format has an encoding for responses only, and viewers show the text unchanged.
        made["postData"] = {"mimeType": payload.media_type, "text": text, "comment": "base64", "_encoding": "base64"}
    return made


def _response(record: Mapping[str, Any]) -> dict[str, Any]:
    part = record.get("response") or {}
    payload = response_payload(record)
    return {
        "status": part.get("status") or 0,
        "statusText": part.get("reason") or "",
        "httpVersion": _version(part),
        "cookies": [],
        "headers": _headers(part),
        "content": _content(payload),
        "redirectURL": header(part, "location"),
        "headersSize": -1,
        "bodySize": _size(payload) if part else -1,
    }


def _content(payload: Payload) -> dict[str, Any]:
    content = payload.content
    size = len(content) if payload.is_kept else payload.wire_bytes or 0
    made: dict[str, Any] = {"size": size, "mimeType": payload.media_type or "x-unknown"}
    if payload.coded and payload.is_kept and payload.wire_bytes is not None:
        # Only if both are known: a browser shows a wrong number as a saving.
        made["compression"] = size - payload.wire_bytes
    if payload.binary is not None:
        made.update(text=base64.b64encode(payload.binary).decode(), encoding="base64")
    elif payload.text is not None:
        made["text"] = payload.text
    else:
        made["comment"] = payload.missing or "no body"
    return made


def _timings(record: Mapping[str, Any]) -> dict[str, float]:
    """Return the phases in milliseconds: -1 if one does not apply, everything as ``wait`` if none is known."""
    timing = record.get("timing") or {}
    total = float(record.get("duration_ms") or 0)
    # On a reused connection the time until it was available is waiting, not connecting.
    reused = bool(timing.get("reused"))
    connected = _at(timing, "connected", 0.0, total)
    sent = _at(timing, "request_sent", connected, total)
    head = _at(timing, "headers", total, total)
    head = max(head, sent)
    known = timing.get("connected") is not None
    return {
        "blocked": round(connected, 3) if known and reused else -1,
        "dns": -1,
        "connect": round(connected, 3) if known and not reused else -1,
        "ssl": -1,
        "send": round(sent - connected, 3) if known else 0,
        "wait": round(head - (sent if known else 0), 3),
        "receive": round(max(total - head, 0), 3),
    }


def _at(timing: Mapping[str, Any], name: str, least: float, most: float) -> float:
    value = timing.get(name)
    return least if value is None else min(max(float(value), 0.0 if name == "headers" else least), max(least, most))


def _headers(part: Mapping[str, Any], host: str = "") -> list[dict[str, str]]:
    pairs = header_pairs(part)
    return [{"name": name, "value": host if host and name.lower() == "host" else value} for name, value in pairs]


def _size(payload: Payload) -> int:
    if payload.wire_bytes is not None:
        return payload.wire_bytes
    return len(payload.content) if payload.is_kept else -1


def _version(part: Mapping[str, Any]) -> str:
    return f"HTTP/{part.get('http_version') or '1.1'}"
