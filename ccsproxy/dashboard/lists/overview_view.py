"""The figures of the overview: the period, and its charts."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import attr

from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.picture.charts import BarChart, ChartLine, LineChart
from ccsproxy.dashboard.html.picture.svg import Bar
from ccsproxy.insight.query import parse
from ccsproxy.store.index.tallies import DAY_MS
from ccsproxy.store.query import QueryError, parse_time
from ccsproxy.store.reader.aggregates.stats import LENGTHS

#: Bars of a chart.
MOST = 92
#: The periods: name, and days back from now; None for today, week, month and all time.
SPANS: Mapping[str, tuple[str, float | None]] = {
    "1h": ("1 hour", 1 / 24),
    "today": ("Today", None),
    "1d": ("24 hours", 1),
    "week": ("This week", None),
    "7d": ("7 days", 7),
    "month": ("This month", None),
    "30d": ("30 days", 30),
    "all": ("All", None),
}
_NAMED = ("today", "week", "month")


@attr.frozen
class TimeRange:
    """The period of an overview.

    :ivar name: of `SPANS`, or ``own``.
    :ivar since: earliest start, milliseconds since the epoch; None for all time.
    :ivar until: latest start, exclusive; None for now.
    :ivar unit: ``hour`` or ``day``, the unit of its charts.
    """

    name: str
    since: int | None
    until: int | None = None
    unit: str = "day"


def range_of(given: Mapping[str, str], now: datetime) -> TimeRange:
    """Return the period that an address selects: ``since`` and ``until``, or else a ``span``.

    :raises QueryError: if a time cannot be parsed.
    """
    if given.get("since") or given.get("until"):
        since = _moment(given.get("since", ""), "since")
        until = _moment(given.get("until", ""), "until")
        if since is not None and until is not None and until <= since:
            raise QueryError("until must be later than since")
        short = since is not None and (until or round(now.timestamp() * 1000)) - since <= 3 * DAY_MS
        return TimeRange("own", since, until, "hour" if short else "day")
    span = given.get("span", "7d") if given.get("span") in SPANS else "7d"
    return TimeRange(span, since_of(span, now), None, unit_of(span))


def _moment(text: str, name: str) -> int | None:
    """Read a time that may be a day, one of a form, or one with seconds and zone."""
    if not text:
        return None
    timed = "T" in text and not text.endswith("Z") and "+" not in text
    return parse_time(f"{text}:00Z" if timed and text.count(":") == 1 else f"{text}Z" if timed else text, name)


def since_of(span: str, now: datetime) -> int | None:
    """Return the earliest start of a period, milliseconds since the epoch; None for all time.

    Longer periods end with the current hour or day and begin with a complete one, so that charts and totals agree.
    """
    if span in _NAMED:
        return parse(f"since:{span}", now.timestamp()).since
    days = SPANS[span][1]
    if days is None:
        return None
    if span == "1h":
        return round((now - timedelta(hours=1)).timestamp() * 1000)
    length = LENGTHS[unit_of(span)]
    end = (round(now.timestamp() * 1000) // length + 1) * length
    return end - round(days * DAY_MS)


def hit_rate(totals: Mapping[str, Any]) -> str:
    """Format the share of the input that came from the cache."""
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    whole = sum(totals[name] or 0 for name in names)
    return figures.percent(totals["cache_read_input_tokens"], whole)


def unit_of(span: str) -> str:
    """Return whether a span is drawn by ``hour`` or by ``day``."""
    return "hour" if span in ("1h", "1d", "today") else "day"


def charts_of(rows: Sequence[Mapping[str, Any]], time: TimeRange, now: datetime) -> list[BarChart]:
    """Return the charts of calls, prompts and cost; a time without calls has no bar.

    :param rows: statistics of each hour or day that has any.
    """
    every = every_span(rows, time, now)
    names = [name_of(row["start_ms"], time.unit) for row in every]
    calls, tokens, cost = [], [], []
    for row, name in zip(every, names, strict=True):
        errors, whole = row.get("errors") or 0, row.get("requests") or 0
        calls.append(Bar([(whole - errors, "stream"), (errors, "bad")], f"{name}: {figures.exact(whole)} calls"))
        parts = [
            (row.get("cache_read_input_tokens") or 0, "cached"),
            ((row.get("input_tokens") or 0) + (row.get("cache_creation_input_tokens") or 0), "fresh"),
            (row.get("output_tokens") or 0, "output"),
        ]
        tokens.append(Bar(parts, f"{name}: {figures.tokens(sum(value for value, _ in parts))} tokens"))
        paid = figures.total(row.get("cost"), row.get("unpriced"))
        cost.append(Bar([(row.get("cost") or 0, "output")], f"{name}: {paid}"))
    unit = time.unit
    return [
        BarChart(f"Calls by {unit}", calls, names, figures.exact, [("stream", "complete"), ("bad", "errors")]),
        BarChart(
            f"Tokens by {unit}",
            tokens,
            names,
            figures.tokens,
            [("cached", "cached"), ("fresh", "new"), ("output", "output")],
        ),
        BarChart(f"Cost by {unit}", cost, names, figures.dollars, [("output", "US dollars (known prices)")]),
    ]


def speed_charts(
    rows: Sequence[Mapping[str, Any]], speeds: Mapping[int, Mapping[str, Any]], time: TimeRange, now: datetime
) -> list[LineChart]:
    """Return charts of the time to the first token, and of the speed after it: median and 95th percentile."""
    every = every_span(rows, time, now)
    names = [name_of(row["start_ms"], time.unit) for row in every]
    fast = [speeds.get(row["start_ms"], {}) for row in every]
    return [
        LineChart(
            f"First token by {time.unit}",
            [
                ChartLine("p50", [row.get("ttft_p50_ms") for row in every], "mid"),
                ChartLine("p95", [row.get("ttft_p95_ms") for row in every], "high"),
            ],
            names,
            figures.duration,
        ),
        LineChart(
            f"Tokens a second by {time.unit}",
            [
                ChartLine("p50", [each.get("p50") for each in fast], "mid"),
                ChartLine("slowest of twenty", [each.get("p5") for each in fast], "high"),
            ],
            names,
            lambda value: figures.UNKNOWN if value is None else f"{value:,.0f}",
        ),
    ]


def name_of(start_ms: int, unit: str) -> str:
    """Write when an hour or a day is, UTC."""
    at = datetime.fromtimestamp(start_ms / 1000, UTC)
    return at.strftime("%-d %b, %H:00" if unit == "hour" else "%-d %b")


def every_span(rows: Sequence[Mapping[str, Any]], time: TimeRange, now: datetime) -> list[Mapping[str, Any]]:
    """Add the hours or days without calls, up to `MOST` of them."""
    length = LENGTHS[time.unit]
    known = {row["start_ms"]: row for row in rows}
    end = round(now.timestamp() * 1000) if time.until is None else time.until - 1
    # Known ones may be in the future if the clock was set back; they are drawn as well.
    last = max(end // length * length, *known, 0)
    first = min(known, default=last) if time.since is None else time.since // length * length
    first = max(min(first, *known, last), last - (MOST - 1) * length)
    return [known.get(start) or {"start_ms": start} for start in range(first, last + 1, length)]
