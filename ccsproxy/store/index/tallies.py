"""Counters that are updated as records are added and removed, so that statistics never count rows.

They are kept per day (UTC), hour, and slot of five minutes for each upstream and model, and per day and hour for each
working directory. A period is composed of whole days, hours and slots, and of the few rows in the partial slot at its
beginning. Durations are kept as a histogram whose bins are 2 % wide, so that percentiles are accurate to 1 %.
"""

import math
import sqlite3
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from ccsproxy.store.index.rows import RowWriter
from ccsproxy.store.index.schema import SUMS
from ccsproxy.store.summary import Summary

SLOT_MS, HOUR_MS, DAY_MS = 300_000, 3_600_000, 86_400_000
#: The kinds of spans, as numbered in ``tallies``, and their lengths.
SLOT, DAY, HOUR = 0, 1, 2
#: The span that each is part of, and how many of them that has.
_WIDER = {SLOT: (HOUR, HOUR_MS // SLOT_MS), HOUR: (DAY, DAY_MS // HOUR_MS)}
#: No sum is larger, which SQLite can hold; reaching it takes more than 500 calls of the largest count there is.
LARGEST_SUM = 1 << 62
_BASE = math.log(1.02)
#: How many tallies are remembered between two batches.
_REMEMBERED = 512

#: Span, start, and the numbers of the names of upstream, model and working directory, 0 for none; either the first
#: two are set or the last.
Group = tuple[int, int, int, int, int]


def duration_bin(ms: float) -> int:
    """Return the number of the bin that a duration falls into."""
    return math.floor(math.log(ms) / _BASE) if ms > 0.001 else -400


def bin_duration(number: int) -> float:
    """Return the duration in the middle of a bin, in milliseconds."""
    return math.exp((number + 0.5) * _BASE)


class PeriodTally(msgspec.Struct, array_like=True):
    """The sums over some finished requests; they are null while no summand is known.

    :ivar unpriced: how many lack a price.
    :ivar durations: how many values are in each bin; likewise `ttfts` and `outcomes`.
    """

    requests: int = 0
    errors: int = 0
    unpriced: int = 0
    sums: list[float | int | None] = msgspec.field(default_factory=lambda: [None] * len(SUMS))
    durations: dict[int, int] = {}
    ttfts: dict[int, int] = {}
    outcomes: dict[str, int] = {}

    def count(self, row: Summary, sign: int = 1) -> None:
        """Add a request, or with a sign of -1 take it away."""
        self.errors += sign * row.has_error
        self.unpriced += sign * (row.unpriced is not None)
        self.add(str(row.outcome), row.duration_ms, row.ttft_ms, _sums(row), sign)

    def add(
        self,
        outcome: str,
        duration_ms: float | None,
        ttft_ms: float | None,
        sums: Sequence[float | int | None],
        sign: int = 1,
    ) -> None:
        """Add a request, except for its errors and prices."""
        self.requests += sign
        self._sum(sums, sign)
        if duration_ms is not None:
            _add(self.durations, duration_bin(duration_ms), sign)
        if ttft_ms is not None:
            _add(self.ttfts, duration_bin(ttft_ms), sign)
        _add(self.outcomes, outcome, sign)

    def join(self, other: "PeriodTally") -> None:
        """Add the sums of other requests."""
        self.requests += other.requests
        self.errors += other.errors
        self.unpriced += other.unpriced
        self._sum(other.sums)
        for mine, others in self._spreads(other):
            if not mine:
                mine.update(others)
                continue
            # As `_add` does, without its call: statistics of all time join a hundred thousand of them.
            for each, count in others.items():
                left = mine.get(each, 0) + count
                if left:
                    mine[each] = left
                else:
                    mine.pop(each, None)

    def _spreads(self, other: "PeriodTally") -> Iterator[tuple[dict[Any, int], dict[Any, int]]]:
        yield from ((self.durations, other.durations), (self.ttfts, other.ttfts), (self.outcomes, other.outcomes))

    def _sum(self, summands: Sequence[float | int | None], sign: int = 1) -> None:
        for place, summand in enumerate(summands):
            if summand is not None:
                self.sums[place] = bounded_sum(self.sums[place], sign * summand)


def bounded_sum(total: float | int | None, summand: float | int) -> float | int:
    """Add to a sum, within what SQLite can store."""
    return min((total or 0) + summand, LARGEST_SUM)


class SpanCounts:
    """Adds and removes requests within the index's transactions; changes of a batch are written at its end.

    Invariant: `_fresh` has the batch's changes to the narrowest spans only; `flush` carries them to the others.
    """

    def __init__(self, connection: sqlite3.Connection, rows: RowWriter) -> None:
        self._connection = connection
        self._rows = rows
        self._tallies: dict[Group, PeriodTally] = {}
        self._fresh: dict[Group, PeriodTally] = {}

    def count(self, row: Summary, started_ms: int, sign: int = 1) -> None:
        """Count a finished request in, or with a sign of -1 out again.

        :param started_ms: when it began, milliseconds since the epoch.
        """
        name = self._rows.name
        model, cwd = name("model", row.model) if row.model else 0, name("cwd", row.cwd) if row.cwd else 0
        slot, hour = started_ms // SLOT_MS, started_ms // HOUR_MS
        for group in ((SLOT, slot, name("upstream", row.upstream), model, 0), (HOUR, hour, 0, 0, cwd)):
            tally = self._fresh.get(group)
            if tally is None:
                tally = self._fresh[group] = PeriodTally()
            tally.count(row, sign)

    def flush(self) -> None:
        """Write the changes of the batch."""
        changed: list[tuple[Group, PeriodTally]] = []
        fresh = self._fresh
        while fresh:
            wider: dict[Group, PeriodTally] = {}
            for group, added in fresh.items():
                tally = self._of(group)
                tally.join(added)
                changed.append((group, tally))
                if group[0] in _WIDER:
                    span, parts = _WIDER[group[0]]
                    wider.setdefault((span, group[1] // parts, *group[2:]), PeriodTally()).join(added)
            fresh = wider
        self._fresh = {}
        self._write(changed)
        if len(self._tallies) > _REMEMBERED:
            self._tallies.clear()

    def _write(self, changed: list[tuple[Group, PeriodTally]]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO tallies VALUES (?, ?, ?, ?, ?, ?)",
            # A span without requests has no row, so that statistics begin where there are data.
            [(*group, msgspec.msgpack.encode(tally)) for group, tally in changed if tally.requests > 0],
        )
        self._connection.executemany(_DELETE, [group for group, tally in changed if tally.requests <= 0])

    def forget(self) -> None:
        """Clear the cache after a transaction was rolled back."""
        self._tallies.clear()
        self._fresh = {}

    def _of(self, group: Group) -> PeriodTally:
        tally = self._tallies.get(group)
        if tally is None:
            found = self._connection.execute(_SELECT, group).fetchone()
            tally = self._tallies[group] = decode(found[0]) if found else PeriodTally()
        return tally


def decode(data: bytes) -> PeriodTally:
    """Decode a stored tally."""
    return _decoder.decode(data)


def _add(bins: dict[Any, int], each: Any, count: int) -> None:
    """Change a count, and remove it at zero."""
    left = bins.get(each, 0) + count
    if left:
        bins[each] = left
    else:
        bins.pop(each, None)


_decoder = msgspec.msgpack.Decoder(PeriodTally)
_sums = attrgetter(*SUMS)
_WHERE = "WHERE span = ? AND start = ? AND upstream = ? AND model = ? AND cwd = ?"
_SELECT = f"SELECT tally FROM tallies {_WHERE}"  # noqa: S608  (a constant of our own)
_DELETE = f"DELETE FROM tallies {_WHERE}"  # noqa: S608
