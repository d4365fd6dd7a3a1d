"""Statistics from the index: sums and percentiles from maintained counters, not from rows.

A time range is composed of whole days, hours and slots, plus the rows of the partial slot at its start.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from ccsproxy.store.index.rows import Names
from ccsproxy.store.index.schema import SUMS
from ccsproxy.store.index.tallies import DAY, DAY_MS, HOUR, HOUR_MS, SLOT, SLOT_MS, PeriodTally, bin_duration, decode
from ccsproxy.store.summary import KEY_BITS, LATEST_MS

LENGTHS = {"hour": HOUR_MS, "day": DAY_MS}

Name = tuple[str, str]
#: Makes a name from the numbers of upstream, model and working directory, 0 for none.
_Naming = Callable[[int, int, int], Name]


def periods(connection: sqlite3.Connection, span: str, since: int | None) -> list[dict[str, Any]]:
    """Return the statistics of each hour or day (UTC) that has requests, the earliest first.

    :param span: ``hour`` or ``day``.
    :param since: only periods that end after it, milliseconds since the epoch; null for all.
    """
    length = LENGTHS[span]
    kept = HOUR if span == "hour" else DAY
    first = 0 if since is None else since // length
    tallies: dict[int, PeriodTally] = {}
    sql = "SELECT start, tally FROM tallies WHERE span = ? AND start >= ? AND upstream > 0"
    for start, data in connection.execute(sql, (kept, first)):
        tallies.setdefault(start, PeriodTally()).join(decode(data))
    return [{"start_ms": start * length, **as_dict(tallies[start])} for start in sorted(tallies)]


def as_dict(tally: PeriodTally) -> dict[str, Any]:
    """Convert a tally to the form returned by the API; durations are in milliseconds, accurate to 1 %."""
    return {
        "requests": tally.requests,
        "errors": tally.errors,
        "unpriced": tally.unpriced,
        **dict(zip(SUMS, tally.sums, strict=True)),
        "duration_p50_ms": percentile(tally.durations, 0.50),
        "duration_p95_ms": percentile(tally.durations, 0.95),
        "ttft_p50_ms": percentile(tally.ttfts, 0.50),
        "ttft_p95_ms": percentile(tally.ttfts, 0.95),
        "outcomes": dict(sorted(tally.outcomes.items())),
    }


def statistics(connection: sqlite3.Connection, since: int | None) -> dict[str, Any]:
    """Return the statistics of finished requests, in total and for each upstream and model.

    :param since: earliest start, milliseconds since the epoch; null for all time.
    """
    names = Names(connection)

    def name(upstream: int, model: int, cwd: int) -> Name:
        return names[upstream] or "", names[model] or "" if model else ""

    return statistics_of(_tallies(connection, since, name, "upstream > 0", SLOT_MS))


def directories(connection: sqlite3.Connection, since: int | None) -> list[dict[str, Any]]:
    """Return the statistics of each working directory, the busiest first.

    :param since: earliest start, milliseconds since the epoch; null for all time.
    """
    names = Names(connection)

    def name(upstream: int, model: int, cwd: int) -> Name:
        return "", names[cwd] or "" if cwd else ""

    found = ordered(_tallies(connection, since, name, "upstream = 0", HOUR_MS))
    return [{"cwd": cwd or None, **as_dict(tally)} for (_, cwd), tally in found]


def no_statistics() -> dict[str, Any]:
    """Return the statistics of no requests."""
    return statistics_of({})


def percentile(bins: dict[int, int], part: float) -> float | None:
    """Return a percentile of the durations in milliseconds; null if there are none."""
    wanted = sum(bins.values()) * part
    passed = 0
    for number in sorted(bins):
        passed += bins[number]
        if passed >= wanted and passed > 0:
            return round(bin_duration(number), 3)
    return None


def statistics_of(groups: dict[Name, PeriodTally]) -> dict[str, Any]:
    """Return statistics in total and for each upstream and model.

    :param groups: the tallies by upstream and model.
    """
    totals = PeriodTally()
    upstreams: dict[str, PeriodTally] = {}
    for (upstream, _), group in groups.items():
        totals.join(group)
        upstreams.setdefault(upstream, PeriodTally()).join(group)
    lacking = {name: group.unpriced for name, group in groups.items() if group.unpriced}
    return {
        "totals": {**as_dict(totals), "unpriced_models": _models(lacking)},
        "upstreams": [{"upstream": name, **as_dict(group)} for name, group in ordered(upstreams)],
        "models": [
            {"upstream": upstream, "model": model or None, **as_dict(group)}
            for (upstream, model), group in ordered(groups)
        ],
    }


def _models(lacking: dict[Name, int]) -> dict[str, int]:
    """Return how many calls of each model lack a price, the most first."""
    models: Counter[str] = Counter()
    for (_, model), count in lacking.items():
        models[model] += count
    return dict(models.most_common())


def _tallies(
    connection: sqlite3.Connection, since: int | None, name: _Naming, kind: str, finest_ms: int
) -> dict[Name, PeriodTally]:
    """Compose the tallies of a time range.

    :param name: the name under which requests of an upstream, model and working directory are counted.
    :param kind: which of the tallies are read, as SQL.
    :param finest_ms: the shortest period for which they are kept; what is shorter is counted row by row.
    """
    found: dict[Name, PeriodTally] = {}
    since = min(since or 0, LATEST_MS)
    end = min(-(-since // finest_ms) * finest_ms, LATEST_MS)
    if end > since:
        _add_rows(connection, found, since << KEY_BITS, end << KEY_BITS, name)
    for span, length, wider_ms in _SPANS_OF[finest_ms]:
        first, end = end // length, -(-end // wider_ms) * wider_ms if wider_ms else LATEST_MS + length
        for upstream, model, cwd, data in connection.execute(_SPANS + kind, (span, first, end // length - 1)):
            found.setdefault(name(upstream, model, cwd), PeriodTally()).join(decode(data))
    return found


def ordered(groups: dict[Any, PeriodTally]) -> Iterator[tuple[Any, PeriodTally]]:
    """Yield the groups, the largest first."""
    yield from sorted(groups.items(), key=lambda item: (-item[1].requests, item[0]))


def _add_rows(
    connection: sqlite3.Connection, found: dict[Name, PeriodTally], first: int, end: int, name: _Naming
) -> None:
    """Add the finished requests between two order keys."""
    names = Names(connection)
    tallies: dict[tuple[int, int, int], PeriodTally] = {}
    for upstream, model, cwd, outcome, errors, unpriced, duration, ttft, *sums in connection.execute(
        _ROWS, (first, end)
    ):
        named = (upstream, model or 0, cwd or 0)
        tally = tallies.get(named)
        if tally is None:
            tally = tallies[named] = PeriodTally()
        tally.errors += errors
        tally.unpriced += unpriced
        tally.add(names[outcome], duration, ttft, sums)
    for named, tally in tallies.items():
        found.setdefault(name(*named), PeriodTally()).join(tally)


#: The periods from which a time range is composed, each up to the start of the next; the last has no end.
_SPANS_OF = {
    SLOT_MS: ((SLOT, SLOT_MS, HOUR_MS), (HOUR, HOUR_MS, DAY_MS), (DAY, DAY_MS, 0)),
    HOUR_MS: ((HOUR, HOUR_MS, DAY_MS), (DAY, DAY_MS, 0)),
}
_SPANS = "SELECT upstream, model, cwd, tally FROM tallies WHERE span = ? AND start BETWEEN ? AND ? AND "
_ROWS = (
    "SELECT upstream, model, cwd, outcome, has_error, unpriced IS NOT NULL, duration_ms, ttft_ms, "  # noqa: S608
    f"{', '.join(SUMS)} FROM request_rows WHERE key >= ? AND key < ? AND outcome IS NOT NULL"
)
