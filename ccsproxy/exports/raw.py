"""An exchange as HTTP messages: heads as sent (redacted), bodies with their content coding removed."""

from collections.abc import Iterator, Mapping
from typing import Any

from ccsproxy.exports.address import Upstreams
from ccsproxy.exports.payload import Payload, header_pairs, request_payload, response_payload


def raw(record: Mapping[str, Any], upstreams: Upstreams) -> Iterator[str]:
    """Write the request, an empty line, and the response; a body that cannot be shown is described in brackets."""
    request = record.get("request") or {}
    yield f"{request.get('method') or 'GET'} {request.get('path') or '/'} {_version(request)}\r\n"
    yield from _head(request)
    yield from _body(request_payload(record))
    response = record.get("response")
    yield "\r\n\r\n"
    if response is None:
        yield f"[no response: {_ending(record)}]\r\n"
        return
    yield f"{_version(response)} {response.get('status')} {response.get('reason') or ''}".rstrip() + "\r\n"
    yield from _head(response)
    yield from _body(response_payload(record))
    if record.get("partial"):
        yield f"\r\n[cut off: {_ending(record)}]\r\n"


def _head(part: Mapping[str, Any]) -> Iterator[str]:
    for name, value in header_pairs(part):
        for line in value.split("\n"):
            yield f"{name}: {line}\r\n"
    yield "\r\n"


def _body(payload: Payload) -> Iterator[str]:
    if payload.text is not None:
        yield payload.text
    elif payload.binary is not None:
        yield f"[{len(payload.binary)} bytes of {payload.media_type or 'binary data'}]"
    else:
        yield payload.missing


def _version(part: Mapping[str, Any]) -> str:
    return f"HTTP/{part.get('http_version') or '1.1'}"


def _ending(record: Mapping[str, Any]) -> str:
    error = record.get("error") or {}
    return " - ".join(str(part) for part in (record.get("outcome"), error.get("message")) if part) or "unknown"
