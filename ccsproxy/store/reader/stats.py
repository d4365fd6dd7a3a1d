"""Statistics out of the index: sums and percentiles from counts that are kept up, not from rows.

The time asked for is put together of whole days, whole hours, and the rows of one part of an hour at its beginning.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from typing import Any

import attr

from ccsproxy.store.index.schema import COLUMNS, SUMS
from ccsproxy.store.index.sessions import summary_of
from ccsproxy.store.index.tallies import BY_CWD, DAY_MS, HOUR_MS, bin_duration, spreads_of
from ccsproxy.store.summary import KEY_BITS

LENGTHS = {"hour": HOUR_MS, "day": DAY_MS}


def periods(connection: sqlite3.Connection, span: str, since: int | None) -> list[dict[str, Any]]:
    """Return the statistics of each hour or day (UTC) that has requests, the earliest first.

    :param span: ``hour`` or ``day``.
    :param since: only those that end after it, milliseconds since the epoch; null for all.
    """
    length = LENGTHS[span]
    first = 0 if since is None else since // length
    groups: dict[int, Group] = {}
    sums = ", ".join(f"sum({name})" for name in ("requests", "errors", "unpriced", *SUMS))
    for start, requests, errors, unpriced, *values in connection.execute(
        f"SELECT start, {sums} FROM tallies WHERE span = ? AND start >= ? GROUP BY start",  # noqa: S608
        (span, first),
    ):
        groups.setdefault(start, Group()).add(requests, errors, unpriced, tuple(values))
    for start, what, bin_, count in connection.execute(
        "SELECT start, what, bin, sum(count) FROM spreads WHERE span = ? AND start >= ? GROUP BY start, what, bin",
        (span, first),
    ):
        groups.setdefault(start, Group()).spreads[what][bin_] += count
    return [
        {"start_ms": start * length, **groups[start].as_dict()} for start in sorted(groups) if groups[start].requests
    ]


Name = tuple[str, str]


@attr.define
class Group:
    """What is counted of one upstream and model; sums are null as long as no summand was known."""

    requests: int = 0
    errors: int = 0
    unpriced: int = 0
    sums: dict[str, float | None] = attr.field(factory=lambda: dict.fromkeys(SUMS))
    spreads: dict[str, Counter[Any]] = attr.field(
        factory=lambda: {"duration_ms": Counter(), "ttft_ms": Counter(), "outcome": Counter()}
    )

    def add(self, requests: int, errors: int, unpriced: int, sums: tuple[float | None, ...]) -> None:
        """Add counts and sums."""
        self.requests += requests
        self.errors += errors
        self.unpriced += unpriced
        for name, value in zip(SUMS, sums, strict=True):
            if value is not None:
                self.sums[name] = (self.sums[name] or 0) + value

    def join(self, other: "Group") -> None:
        """Add another group's figures to this one's."""
        self.add(other.requests, other.errors, other.unpriced, tuple(other.sums[name] for name in SUMS))
        for what, bins in other.spreads.items():
            self.spreads[what].update(bins)

    def as_dict(self) -> dict[str, Any]:
        """Write the group as the API answers it; durations are in milliseconds, within 1 %."""
        return {
            "requests": self.requests,
            "errors": self.errors,
            "unpriced": self.unpriced,
            **self.sums,
            "duration_p50_ms": percentile(self.spreads["duration_ms"], 0.50),
            "duration_p95_ms": percentile(self.spreads["duration_ms"], 0.95),
            "ttft_p50_ms": percentile(self.spreads["ttft_ms"], 0.50),
            "ttft_p95_ms": percentile(self.spreads["ttft_ms"], 0.95),
            "outcomes": dict(sorted(self.spreads["outcome"].items())),
        }


def statistics(connection: sqlite3.Connection, since: int | None) -> dict[str, Any]:
    """Return the finished requests' statistics, in total and for each upstream and model.

    :param since: earliest start, milliseconds since the epoch; null for all time.
    """
    return _answer(_groups(connection, since, ""))


def directories(connection: sqlite3.Connection, since: int | None) -> list[dict[str, Any]]:
    """Return the statistics of each working directory, the busiest first.

    :param since: earliest start, milliseconds since the epoch; null for all time.
    """
    return [
        {"cwd": cwd or None, **group.as_dict()} for (_, cwd), group in _ordered(_groups(connection, since, BY_CWD))
    ]


def no_statistics() -> dict[str, Any]:
    """Return the statistics of nothing."""
    return _answer({})


def percentile(bins: Counter[int], part: float) -> float | None:
    """Return the duration that a part of all stays below or at, in milliseconds; null without any."""
    wanted = sum(bins.values()) * part
    passed = 0
    for number in sorted(bins):
        passed += bins[number]
        if passed >= wanted and passed > 0:
            return round(bin_duration(number), 3)
    return None


def _answer(groups: dict[Name, Group]) -> dict[str, Any]:
    totals = Group()
    upstreams: dict[str, Group] = {}
    for (upstream, _), group in groups.items():
        totals.join(group)
        upstreams.setdefault(upstream, Group()).join(group)
    lacking = {name: group.unpriced for name, group in groups.items() if group.unpriced}
    return {
        "totals": {**totals.as_dict(), "unpriced_models": _models(lacking)},
        "upstreams": [{"upstream": name, **group.as_dict()} for name, group in _ordered(upstreams)],
        "models": [
            {"upstream": upstream, "model": model or None, **group.as_dict()}
            for (upstream, model), group in _ordered(groups)
        ],
    }


def _models(lacking: dict[Name, int]) -> dict[str, int]:
    """Return how many calls of each model lack a price, the most first."""
    models: Counter[str] = Counter()
    for (_, model), count in lacking.items():
        models[model] += count
    return dict(models.most_common())


def _groups(connection: sqlite3.Connection, since: int | None, by: str) -> dict[Name, Group]:
    """Put groups together for a time.

    :param by: what the names of the spans begin with.
    """
    groups: dict[Name, Group] = {}
    if since is None:
        _add_spans(connection, groups, by + "all", 0, 0)
        return groups
    hour = -(-since // HOUR_MS)
    day = -(-hour * HOUR_MS // DAY_MS)
    _add_rows(connection, groups, since << KEY_BITS, hour * HOUR_MS << KEY_BITS, by)
    _add_spans(connection, groups, by + "hour", hour, day * 24 - 1)
    _add_spans(connection, groups, by + "day", day, 1 << 62)
    return groups


def _ordered(groups: dict[Any, Group]) -> Iterator[tuple[Any, Group]]:
    """Yield the groups, the largest first."""
    yield from sorted(groups.items(), key=lambda item: (-item[1].requests, item[0]))


def _add_spans(connection: sqlite3.Connection, groups: dict[Name, Group], span: str, first: int, last: int) -> None:
    """Add the counts of whole spans."""
    bounds = (span, first, last)
    sums = ", ".join(f"sum({name})" for name in ("requests", "errors", "unpriced", *SUMS))
    for upstream, model, requests, errors, unpriced, *values in connection.execute(
        f"SELECT upstream, model, {sums} FROM tallies WHERE span = ? AND start BETWEEN ? AND ? "  # noqa: S608
        "GROUP BY upstream, model",
        bounds,
    ):
        groups.setdefault((upstream, model), Group()).add(requests, errors, unpriced, tuple(values))
    for upstream, model, what, bin_, count in connection.execute(
        "SELECT upstream, model, what, bin, sum(count) FROM spreads WHERE span = ? AND start BETWEEN ? AND ? "
        "GROUP BY upstream, model, what, bin",
        bounds,
    ):
        groups.setdefault((upstream, model), Group()).spreads[what][bin_] += count


def _add_rows(connection: sqlite3.Connection, groups: dict[Name, Group], first: int, end: int, by: str) -> None:
    """Add the finished requests between two order keys."""
    sql = f"SELECT {', '.join(COLUMNS)} FROM requests WHERE key >= ? AND key < ? AND outcome IS NOT NULL"  # noqa: S608
    for columns in connection.execute(sql, (first, end)):
        row = summary_of(columns)
        name = ("", row.cwd or "") if by == BY_CWD else (row.upstream, row.model or "")
        group = groups.setdefault(name, Group())
        group.add(1, row.has_error, row.unpriced is not None, tuple(getattr(row, name) for name in SUMS))
        for what, bin_ in spreads_of(row):
            group.spreads[what][bin_] += 1
