"""The bodies of a record, as text or bytes with their media type."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

import attr


@attr.frozen
class Payload:
    """A body as far as the record has it.

    :ivar text: the decoded body, or None if it is binary or was not kept.
    :ivar binary: a binary body, or None.
    :ivar media_type: from the message's ``Content-Type``, empty if it has none.
    :ivar wire_bytes: its length on the wire; None if unknown.
    :ivar coded: whether it was compressed on the wire.
    """

    text: str | None
    binary: bytes | None
    media_type: str
    wire_bytes: int | None
    coded: bool = False

    @property
    def is_kept(self) -> bool:
        """Tell whether the record has the body."""
        return self.text is not None or self.binary is not None

    @property
    def content(self) -> bytes:
        """The body's bytes, empty if the record has none."""
        if self.binary is not None:
            return self.binary
        return encoded(self.text or "")

    @property
    def missing(self) -> str:
        """Describe a missing body; empty if it is present or there was none."""
        if self.is_kept or not self.wire_bytes:
            return ""
        return f"[{self.wire_bytes} bytes of {self.media_type or 'unknown type'}: not kept]"


def encoded(text: str) -> bytes:
    r"""Encode text as UTF-8; a lone surrogate, which JSON allows as ``\udXXX``, is written as that escape."""
    return text.encode("utf-8", "backslashreplace")


def compact(value: Any) -> str:
    """Write a JSON value on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def pretty(value: Any) -> str:
    """Write a JSON value for reading."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def request_payload(record: Mapping[str, Any]) -> Payload:
    """Return the request's body."""
    part = record.get("request") or {}
    return _payload(part, part.get("body"))


def response_payload(record: Mapping[str, Any]) -> Payload:
    """Return the response's body: the stream as received if it was one, else the body."""
    part = record.get("response") or {}
    stream = part.get("stream") or {}
    streamed = stream.get("text") if isinstance(stream, Mapping) else None
    if streamed is None:
        # Records of schema version 1 have the stream there.
        streamed = part.get("raw_sse_text")
    return _payload(part, part.get("body_reassembled") if streamed is None else streamed)


def header(part: Mapping[str, Any], name: str) -> str:
    """Return the value of a header field, empty if it is missing.

    :param name: the field's name in lower case.
    """
    return str((part.get("headers") or {}).get(name) or "")


def header_pairs(part: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the header lines as received, or those of the map if the record (version 1) has no lines."""
    raw = part.get("headers_raw")
    if raw:
        return [(str(name), str(value)) for name, value in raw]
    return [(str(name), str(value)) for name, value in (part.get("headers") or {}).items()]


def _payload(part: Mapping[str, Any], body: Any) -> Payload:
    binary = _from_base64(part.get("body_base64"))
    # A JSON body is kept as JSON: what was sent may have had different white space, so its length is wire_bytes.
    text = None if body is None or binary is not None else body if isinstance(body, str) else compact(body)
    return Payload(
        text=text,
        binary=binary,
        media_type=header(part, "content-type"),
        wire_bytes=part.get("body_bytes"),
        coded=bool(part.get("content_encoding")),
    )


def _from_base64(value: Any) -> bytes | None:
    if not isinstance(value, str):
        return None
    try:
        return base64.b64decode(value)
    except (binascii.Error, ValueError):
        return None
