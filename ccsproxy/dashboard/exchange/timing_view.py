"""Where the time of an exchange went: consecutive spans, and the silences within the stream."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import attr

#: A silence is marked from this many milliseconds and from this fraction of the total on.
SILENCE_MS, SILENCE_PART = 1500.0, 0.05
#: How many silences are drawn.
MOST_SILENCES = 40


@attr.frozen
class TimeSpan:
    """A part of the time, in milliseconds since the request began."""

    name: str
    kind: str
    start: float
    end: float

    @property
    def length(self) -> float:
        """How long it took, in milliseconds."""
        return self.end - self.start


@attr.frozen
class Timeline:
    """All parts of the time.

    :ivar silences: periods within the stream without data.
    """

    spans: Sequence[TimeSpan]
    silences: Sequence[TimeSpan]
    end: float


#: The sections of the timeline: the mark in the record that ends each, its name and its kind.
_STEPS = (
    ("connected", "Connect", "connect"),
    ("request_sent", "Send request", "send"),
    ("first_byte", "Wait for answer", "wait"),
    ("first_token", "To first token", "fresh"),
    ("last_byte", "Stream", "output"),
)


def timeline_of(record: Mapping[str, Any]) -> Timeline | None:
    """Arrange a record's timing; None if it has none."""
    timing = dict(record.get("timing") or {})
    timing["first_byte"] = _first(timing.get("first_byte"), timing.get("headers"))
    timing["last_byte"] = _first(timing.get("last_byte"), record.get("duration_ms"))
    # For a reused connection this is when it was taken from the pool; nothing was connected.
    if timing.get("reused"):
        timing["connected"] = None
    spans, at = [], 0.0
    for mark, name, kind in _STEPS:
        when = timing.get(mark)
        if isinstance(when, int | float) and when >= at:
            spans.append(TimeSpan(name, kind, at, float(when)))
            at = float(when)
    if not spans or at <= 0:
        return None
    end = max(at, record.get("duration_ms") or 0.0)
    return Timeline(spans, _silences(record, end), end)


def _silences(record: Mapping[str, Any], end: float) -> list[TimeSpan]:
    stream = (record.get("response") or {}).get("stream") or {}
    times = [float(chunk[0]) for chunk in stream.get("chunks") or [] if isinstance(chunk, list | tuple) and chunk]
    least = max(SILENCE_MS, end * SILENCE_PART)
    found = [TimeSpan("Silence", "stall", a, b) for a, b in pairwise(times) if b - a >= least]
    return sorted(sorted(found, key=lambda span: -span.length)[:MOST_SILENCES], key=lambda span: span.start)


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)
