"""The figures of the overview: how far it looks back, and its charts."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import attr

from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.svg import Bar
from ccsproxy.store.index.tallies import DAY_MS
from ccsproxy.store.reader.stats import LENGTHS

#: Bars of a chart.
MOST = 92
#: How far back: what it is called, and days; None for ever.
SPANS: Mapping[str, tuple[str, float | None]] = {
    "1h": ("1 hour", 1 / 24),
    "1d": ("24 hours", 1),
    "7d": ("7 days", 7),
    "30d": ("30 days", 30),
    "all": ("All", None),
}


def since_of(span: str, now: datetime) -> int | None:
    """Return the earliest start that a span takes in, milliseconds since the epoch; None for all time.

    Longer spans end with the current hour or day and begin with a whole one, so that their charts say what their
    totals say.
    """
    days = SPANS[span][1]
    if days is None:
        return None
    if span == "1h":
        return round((now - timedelta(hours=1)).timestamp() * 1000)
    length = LENGTHS[unit_of(span)]
    end = (round(now.timestamp() * 1000) // length + 1) * length
    return end - round(days * DAY_MS)


def hit_rate(totals: Mapping[str, Any]) -> str:
    """Write which part of the input came from the cache."""
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    whole = sum(totals[name] or 0 for name in names)
    return figures.share(totals["cache_read_input_tokens"], whole)


def unit_of(span: str) -> str:
    """Return whether a span is drawn by ``hour`` or by ``day``."""
    return "hour" if span in ("1h", "1d") else "day"


@attr.frozen
class Charts:
    """The charts of some time, with what stands at both ends of them."""

    calls: Sequence[Bar]
    tokens: Sequence[Bar]
    cost: Sequence[Bar]
    first: str
    last: str


def charts_of(rows: Sequence[Mapping[str, Any]], unit: str, since: int | None, now: datetime) -> Charts:
    """Return the charts of calls, tokens and cost; a time without calls has no bar.

    :param rows: statistics of each hour or day that has any.
    :param since: when the first bar is, milliseconds since the epoch; None for that of the first row.
    """
    calls, tokens, cost = [], [], []
    every = _every(rows, unit, since, now)
    for row in every:
        name = name_of(row["start_ms"], unit)
        errors = row.get("errors") or 0
        whole = row.get("requests") or 0
        calls.append(Bar([(whole - errors, "stream"), (errors, "bad")], f"{name} {figures.exact(whole)} calls"))
        parts = [
            (row.get("cache_read_input_tokens") or 0, "cached"),
            ((row.get("input_tokens") or 0) + (row.get("cache_creation_input_tokens") or 0), "fresh"),
            (row.get("output_tokens") or 0, "output"),
        ]
        tokens.append(Bar(parts, f"{name} {figures.tokens(sum(value for value, _ in parts))} tokens"))
        cost.append(
            Bar([(row.get("cost") or 0, "output")], f"{name} {figures.total(row.get('cost'), row.get('unpriced'))}")
        )
    first, last = (name_of(every[at]["start_ms"], unit) for at in (0, -1))
    return Charts(calls, tokens, cost, first, last)


def name_of(start_ms: int, unit: str) -> str:
    """Write when an hour or a day is, UTC."""
    at = datetime.fromtimestamp(start_ms / 1000, UTC)
    return at.strftime("%-d %b, %H:00" if unit == "hour" else "%-d %b")


def _every(rows: Sequence[Mapping[str, Any]], unit: str, since: int | None, now: datetime) -> list[Mapping[str, Any]]:
    """Fill the times between, up to `MOST` of them."""
    length = LENGTHS[unit]
    known = {row["start_ms"]: row for row in rows}
    last = max(round(now.timestamp() * 1000) // length * length, *known)
    first = min(known) if since is None else since // length * length
    first = max(min(first, *known), last - (MOST - 1) * length)
    return [known.get(start) or {"start_ms": start} for start in range(first, last + 1, length)]
