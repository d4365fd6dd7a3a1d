"""Reads a body that is not a stream: JSON, JSON lines, text or none of these."""

import msgspec

from ccsproxy.dialects.answer import DecodedResponse, Settled
from ccsproxy.dialects.batches.results import batch_usage
from ccsproxy.dialects.counts import exceeds
from ccsproxy.dialects.facts import NOTHING, Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.generic import answers_in_json
from ccsproxy.dialects.no_answer import empty, foreign_json, foreign_text
from ccsproxy.dialects.protocol import WireFormat
from ccsproxy.dialects.registry import proven
from ccsproxy.wire.jsontext import JsonError, loads

#: Bytes that may precede a body without meaning: blanks, and a byte order mark.
BLANK = b"\xef\xbb\xbf \t\r\n"


def read_cut_off(
    body: bytes | bytearray, wire_format: WireFormat, whole: bool, at_ms: float | None
) -> DecodedResponse:
    """Decode the beginning of a body that is not a stream; its meaning is unknown."""
    answer = _text(body, NOTHING, wire_format, whole, at_ms)
    return msgspec.structs.replace(answer, missing=None)


def read_plain(
    body: bytes | bytearray, facts: Facts, wire_format: WireFormat, whole: bool, at_ms: float | None
) -> DecodedResponse:
    """Decode a body that is not a stream.

    :param whole: it arrived to its end.
    :param at_ms: when its first non-blank byte arrived; None if there was none.
    """
    answer = _read(body, facts, wire_format, whole, at_ms)
    total = batch_usage(facts, body, answer.body) if whole else None
    if total is None:
        return answer
    too_large = total[0] is not None and exceeds(total[0].raw)
    faults = (*answer.faults, "count_too_large") if too_large else answer.faults
    return msgspec.structs.replace(answer, usage=total[0], response_model=total[1], faults=faults)


def _read(
    body: bytes | bytearray, facts: Facts, wire_format: WireFormat, whole: bool, at_ms: float | None
) -> DecodedResponse:
    start = body[:64].lstrip(BLANK)[:1] or body.lstrip(BLANK)[:1]
    if not start:
        return DecodedResponse(dialect=wire_format.name, complete=whole, missing=empty(facts))
    if "json" not in facts.content_type and start not in (b"{", b"["):
        return _text(body, facts, wire_format, whole, at_ms)
    try:
        value = loads(body)
    except JsonError:
        is_damaged = "json" in facts.content_type and not is_lines(body)
        return _text(body, facts, wire_format, whole, at_ms, ("invalid_json",) if is_damaged else ())
    findings = Findings()
    chosen = proven(wire_format, value)
    if chosen is not wire_format and wire_format.name != "generic":
        findings.fault("dialect_mismatch")
    settled = bounded_counts(chosen.whole(value, findings, facts), findings)
    return DecodedResponse(
        dialect=chosen.name,
        body=settled.body,
        usage=settled.usage,
        response_model=settled.response_model,
        stop_reason=settled.stop_reason,
        complete=whole and settled.complete,
        error=findings.error,
        missing=None if settled.answered else foreign_json(value, facts),
        faults=findings.faults,
        first_token_ms=at_ms if settled.usage is not None or settled.stop_reason is not None else None,
        begun_ms=at_ms,
    )


def bounded_counts(settled: Settled, findings: Findings) -> Settled:
    """Note numbers of a usage that exceed what all readers can represent; those counts are unknown."""
    if settled.usage is not None and exceeds(settled.usage.raw):
        findings.fault("count_too_large")
    return settled


def is_lines(body: bytes | bytearray) -> bool:
    """Return whether a body is several JSON values, one per line, as batch results are."""
    if b"\n" not in body:
        return False
    lines = [line for line in body.split(b"\n") if line.strip()]
    if len(lines) < 2:
        return False
    try:
        for line in lines:
            msgspec.json.decode(line, type=msgspec.Raw)
    except (msgspec.MsgspecError, UnicodeError):
        return False
    return True


def _text(
    body: bytes | bytearray,
    facts: Facts,
    wire_format: WireFormat,
    whole: bool,
    at_ms: float | None,
    faults: tuple[str, ...] = (),
) -> DecodedResponse:
    """Keep text unchanged; bytes that are not UTF-8, or contain a NUL, are not text."""
    missing = foreign_text(body, facts, generic=wire_format.name == "generic" and not answers_in_json(facts))
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    binary = "\0" in text
    return DecodedResponse(
        dialect=wire_format.name,
        body=None if binary else text,
        binary=binary,
        complete=whole,
        missing=missing,
        faults=faults,
        begun_ms=at_ms,
    )
