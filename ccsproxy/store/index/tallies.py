"""Counts that are kept up as records come and go, so that statistics and filters never count rows.

Every count is kept for all time, by day and by hour (UTC), of each upstream and model, and once more of each working
directory. Durations are kept as a histogram whose bins are 2 % wide:
a percentile read from it is within 1 % of the true one.
"""

import math
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

from ccsproxy.store.index.schema import SUMS
from ccsproxy.store.query import FIELDS
from ccsproxy.store.summary import Summary

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
_BASE = math.log(1.02)

#: Span, start, upstream and model; of a working directory: span, start, nothing and the directory.
Group = tuple[str, int, str, str]
#: What spans are called by which working directories are counted begins with this.
BY_CWD = "cwd "


def duration_bin(ms: float) -> int:
    """Return the number of the bin that a duration falls into."""
    return math.floor(math.log(ms) / _BASE) if ms > 0.001 else -400


def bin_duration(number: int) -> float:
    """Return the duration in the middle of a bin, in milliseconds."""
    return math.exp((number + 0.5) * _BASE)


def spreads_of(row: Summary) -> Iterator[tuple[str, int | str]]:
    """Yield what a finished request adds one to: its durations' bins and its outcome."""
    if row.duration_ms is not None:
        yield "duration_ms", duration_bin(row.duration_ms)
    if row.ttft_ms is not None:
        yield "ttft_ms", duration_bin(row.ttft_ms)
    yield "outcome", str(row.outcome)


def groups_of(hour: Group) -> tuple[Group, Group]:
    """Return the wider groups that what is counted in an hour is counted in."""
    span, start, upstream, model = hour
    by = span.removesuffix("hour")
    return (by + "day", start * HOUR_MS // DAY_MS, upstream, model), (by + "all", 0, upstream, model)


class Tally:
    """What some requests amount to.

    :ivar numbers: how many they are, how many of them failed, how many lack a price, and the sums, null as long as no
        summand was known.
    :ivar spreads: how often each duration's bin and each outcome was met.
    """

    __slots__ = ("numbers", "spreads")

    def __init__(self) -> None:
        self.numbers: list[float | None] = [0, 0, 0, *[None] * len(SUMS)]
        self.spreads: dict[tuple[str, int | str], int] = {}

    def count(self, row: Summary, sign: int) -> None:
        """Add a request, or with a sign of -1 take it away."""
        lacking = sign * (row.unpriced is not None)
        self._sum((sign, sign * row.has_error, lacking, *[None if n is None else sign * n for n in _sums(row)]))
        for each in spreads_of(row):
            self.spreads[each] = self.spreads.get(each, 0) + sign

    def add(self, other: "Tally") -> None:
        """Add what other requests amount to."""
        self._sum(other.numbers)
        for each, count in other.spreads.items():
            self.spreads[each] = self.spreads.get(each, 0) + count

    def _sum(self, summands: Sequence[float | None]) -> None:
        for place, summand in enumerate(summands):
            if summand is not None:
                self.numbers[place] = (self.numbers[place] or 0) + summand


class Tallies:
    """Collects what a batch of finished requests changes, and writes it at the batch's end.

    Most requests of a batch are alike: same session, hour, model and so on. Each such kind is counted once, and what
    it is part of is looked at when the batch is written.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._kinds: defaultdict[tuple[Any, ...], Tally] = defaultdict(Tally)
        self._tools: Counter[str] = Counter()

    def count(self, row: Summary, started_ms: int, sign: int = 1) -> None:
        """Count a finished request in, or with a sign of -1 out again.

        :param started_ms: when it began, milliseconds since the epoch.
        """
        self._kinds[started_ms // HOUR_MS, *_kind(row)].count(row, sign)
        for tool in row.tools:
            self._tools[tool] += sign

    def flush(self) -> None:
        """Write what was collected."""
        groups = self._groups()
        self._connection.executemany(_ADD_TALLY, [(*group, *tally.numbers) for group, tally in groups.items()])
        self._connection.executemany(
            "INSERT INTO spreads VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET count = count + excluded.count",
            [(*group, *each, count) for group, tally in groups.items() for each, count in tally.spreads.items()],
        )
        self._connection.executemany(
            "INSERT INTO facets VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
            [(*facet, count) for facet, count in self._facets().items()],
        )
        self.forget()

    def forget(self) -> None:
        """Drop what was collected since the last flush."""
        self._kinds.clear()
        self._tools.clear()

    def sweep(self) -> None:
        """Remove the counts that went down to nothing."""
        self._connection.execute("DELETE FROM tallies WHERE requests <= 0")
        self._connection.execute("DELETE FROM spreads WHERE count <= 0")
        self._connection.execute("DELETE FROM facets WHERE count <= 0")

    def _groups(self) -> dict[Group, Tally]:
        """Return what the groups that were touched have gained."""
        groups: defaultdict[Group, Tally] = defaultdict(Tally)
        for (hour, _, upstream, model, cwd, *_), tally in self._kinds.items():
            groups["hour", hour, upstream, model or ""].add(tally)
            groups[BY_CWD + "hour", hour, "", cwd or ""].add(tally)
        for group, tally in list(groups.items()):
            for wider in groups_of(group):
                groups[wider].add(tally)
        return groups

    def _facets(self) -> Counter[tuple[str, str, Any]]:
        """Return what the values of filters have gained, in all and in their session."""
        facets = Counter({("", "tool", tool): count for tool, count in self._tools.items()})
        for (_, session_id, *values), tally in self._kinds.items():
            count = int(tally.numbers[0] or 0)
            for field, value in zip(FIELDS, values, strict=True):
                if value is not None:
                    facets["", field, value] += count
                    if field in _SESSION_FACETS:
                        facets[session_id, field, value] += count
        return facets


_kind = attrgetter("session_id", *FIELDS)
_sums = attrgetter(*SUMS)
_SESSION_FACETS = frozenset({"upstream", "model", "cwd", "client"})
_ADD_TALLY = (
    "INSERT INTO tallies VALUES ("  # noqa: S608  (column names of our own)
    + ", ".join("?" * (7 + len(SUMS)))
    + ") ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, errors = errors + excluded.errors, "
    "unpriced = unpriced + excluded.unpriced, "
    + ", ".join(
        f"{name} = CASE WHEN excluded.{name} IS NULL THEN {name} ELSE coalesce({name}, 0) + excluded.{name} END"
        for name in SUMS
    )
)
