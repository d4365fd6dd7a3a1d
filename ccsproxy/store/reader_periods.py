"""Statistics of each hour and of each day, out of the counts that are kept up."""

import sqlite3
from typing import Any

from ccsproxy.store.index.schema import SUMS
from ccsproxy.store.index.tallies import DAY_MS, HOUR_MS
from ccsproxy.store.reader.stats import Group

LENGTHS = {"hour": HOUR_MS, "day": DAY_MS}


def periods(connection: sqlite3.Connection, span: str, since: int | None) -> list[dict[str, Any]]:
    """Return the statistics of each hour or day (UTC) that has requests, the earliest first.

    :param span: ``hour`` or ``day``.
    :param since: only those that end after it, milliseconds since the epoch; null for all.
    """
    length = LENGTHS[span]
    first = 0 if since is None else since // length
    groups: dict[int, Group] = {}
    sums = ", ".join(f"sum({name})" for name in ("requests", "errors", *SUMS))
    for start, requests, errors, *values in connection.execute(
        f"SELECT start, {sums} FROM tallies WHERE span = ? AND start >= ? GROUP BY start",  # noqa: S608
        (span, first),
    ):
        groups.setdefault(start, Group()).add(requests, errors, tuple(values))
    for start, what, bin_, count in connection.execute(
        "SELECT start, what, bin, sum(count) FROM spreads WHERE span = ? AND start >= ? GROUP BY start, what, bin",
        (span, first),
    ):
        groups.setdefault(start, Group()).spreads[what][bin_] += count
    return [
        {"start_ms": start * length, **groups[start].as_dict()} for start in sorted(groups) if groups[start].requests
    ]
