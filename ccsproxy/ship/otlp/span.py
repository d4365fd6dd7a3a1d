"""A span as a plain value, and ids that are the same whenever the same call is sent."""

import re
from hashlib import sha256
from typing import Any

import attr

#: The types of attributes.
Value = str | bool | int | float | list[str]
Attributes = dict[str, Value]

#: Version, trace, parent and flags (W3C Trace Context, section 3.2); a later version may append more.
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


@attr.frozen
class TraceContext:
    """The position of a call in a trace.

    :ivar parent: the parent span, empty for none.
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
    :ivar resource: the resource that it belongs to.
    :ivar failed: the message of its status if it failed; None otherwise.
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
    """Return an id derived from some values; never zero, which means no id.

    :param size: bytes: 16 for a trace, 8 for a span.
    """
    text = "\0".join(("ccsproxy", *map(str, words)))
    return sha256(text.encode("utf-8", "surrogatepass")).digest()[:size] or b"\1" * size


def trace_context(traceparent: Any, tracestate: Any = "") -> TraceContext | None:
    """Parse a client's trace context; None if there is none, or it is invalid."""
    found = _TRACEPARENT.fullmatch(traceparent.strip()) if isinstance(traceparent, str) else None
    if found is None or found[1] == "ff" or (found[1] == "00" and found[5]):
        return None
    trace_id, parent = bytes.fromhex(found[2]), bytes.fromhex(found[3])
    if not any(trace_id) or not any(parent):
        return None
    state = tracestate if isinstance(tracestate, str) else ""
    return TraceContext(trace_id, parent, bool(int(found[4], 16) & 1), state)
