"""Reads a body that is no stream: JSON, text or neither."""

from ccsproxy.dialects.answer import DecodedResponse
from ccsproxy.dialects.facts import Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.protocol import WireFormat
from ccsproxy.dialects.registry import proven
from ccsproxy.wire.jsontext import JsonError, loads


def read_plain(
    body: bytes, facts: Facts, wire_format: WireFormat, whole: bool, at_ms: float | None
) -> DecodedResponse:
    """Read a body that is no stream.

    :param whole: it arrived to its end.
    :param at_ms: when its first byte arrived, None when there was none.
    """
    if not body.strip():
        return DecodedResponse(dialect=wire_format.name, complete=whole)
    if "json" not in facts.content_type and body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return _text(body, wire_format, whole)
    try:
        value = loads(body)
    except JsonError:
        return _text(body, wire_format, whole, ("invalid_json",) if "json" in facts.content_type else ())
    findings = Findings()
    chosen = proven(wire_format, value)
    if chosen is not wire_format and wire_format.name != "generic":
        findings.fault("dialect_mismatch")
    settled = chosen.whole(value, findings)
    content = settled.usage is not None or settled.stop_reason is not None
    return DecodedResponse(
        dialect=chosen.name,
        body=settled.body,
        usage=settled.usage,
        response_model=settled.response_model,
        stop_reason=settled.stop_reason,
        complete=whole and settled.complete,
        error=findings.error,
        faults=findings.faults,
        first_token_ms=at_ms if content else None,
    )


def _text(body: bytes, wire_format: WireFormat, whole: bool, faults: tuple[str, ...] = ()) -> DecodedResponse:
    """Keep text as it is; bytes that are not UTF-8, or hold a NUL, are not text."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return DecodedResponse(dialect=wire_format.name, binary=True, complete=whole, faults=faults)
    return DecodedResponse(dialect=wire_format.name, body=text, complete=whole, faults=faults)
