"""A span as a plain value, and the ids that make the same call the same span whenever it is sent."""

import re
from hashlib import sha256
from typing import Any

import attr

#: What an attribute may hold: text, truth, number, or a list of texts.
Value = str | bool | int | float | list[str]
Attributes = dict[str, Value]

#: Version, trace, parent and flags (W3C Trace Context, section 3.2); a later version may have more behind.
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


@attr.frozen
class TraceContext:
    """Where a call belongs.

    :ivar parent: the span above, empty for none.
    :ivar sampled: whether the caller keeps the trace itself.
    :ivar state: the caller's ``tracestate``.
    """

    trace_id: bytes
    parent: bytes = b""
    sampled: bool = True
    state: str = ""


@attr.frozen
class Span:
    """One span.

    :ivar client: whether it is a call to another server, rather than work inside the agent.
    :ivar start_ms: milliseconds since the epoch, as `end_ms`.
    :ivar resource: whose span it is.
    :ivar failed: the message of its status where it failed; None where it did not.
    """

    span_id: bytes
    context: TraceContext
    name: str
    start_ms: float
    end_ms: float
    attributes: Attributes
    resource: tuple[tuple[str, str], ...]
    client: bool = False
    failed: str | None = None


def derived_id(size: int, *words: Any) -> bytes:
    """Return the id that some words always have; never zeros, which stand for no id.

    :param size: bytes: 16 for a trace, 8 for a span.
    """
    text = "\0".join(("ccsproxy", *map(str, words)))
    return sha256(text.encode("utf-8", "surrogatepass")).digest()[:size] or b"\1" * size


def trace_context(traceparent: Any, tracestate: Any = "") -> TraceContext | None:
    """Read what a client says of its own trace; None where it says nothing, or nothing that is one."""
    found = _TRACEPARENT.fullmatch(traceparent.strip()) if isinstance(traceparent, str) else None
    if found is None or found[1] == "ff" or (found[1] == "00" and found[5]):
        return None
    trace_id, parent = bytes.fromhex(found[2]), bytes.fromhex(found[3])
    if not any(trace_id) or not any(parent):
        return None
    state = tracestate if isinstance(tracestate, str) else ""
    return TraceContext(trace_id, parent, bool(int(found[4], 16) & 1), state)
