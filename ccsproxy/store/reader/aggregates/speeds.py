"""Speeds of answers over time, in tokens per second after the first one: percentiles by hour or day."""

import sqlite3
from collections.abc import Iterable
from typing import Any

from ccsproxy.store.summary import KEY_BITS

#: Limits: the newest calls examined, and the fewest tokens and milliseconds for a meaningful speed.
MOST, TOKENS, MS = 20_000, 20, 200


def speeds(connection: sqlite3.Connection, since: int | None, until: int | None, length: int) -> dict[int, Any]:
    """Return count and percentiles for each period with calls, by its start.

    :param since: earliest start, milliseconds since the epoch; None for all time.
    :param until: latest start, exclusive.
    :param length: of a span, in milliseconds.
    """
    bounds = ((since or 0) << KEY_BITS, min((until or 1 << 42) << KEY_BITS, (1 << 63) - 1))
    sql = (
        "SELECT (key >> 21) / ? * ?, output_tokens * 1000.0 / (duration_ms - ttft_ms) FROM request_rows "
        "WHERE key >= ? AND key < ? AND output_tokens >= ? AND duration_ms - ttft_ms >= ? ORDER BY key DESC LIMIT ?"
    )
    return speeds_of(connection.execute(sql, (length, length, *bounds, TOKENS, MS, MOST)))


def speeds_of(rows: Iterable[tuple[int, float]]) -> dict[int, Any]:
    """Return count and percentiles for each period.

    :param rows: for each call the start of its period, and its tokens per second.
    """
    found: dict[int, list[float]] = {}
    for start, speed in rows:
        found.setdefault(start, []).append(speed)
    return {start: _percentiles(sorted(values)) for start, values in sorted(found.items())}


def _percentiles(values: list[float]) -> dict[str, Any]:
    """Return the median and the 5th percentile."""
    return {
        "calls": len(values),
        "p50": round(values[(len(values) - 1) // 2], 1),
        "p5": round(values[(len(values) - 1) * 5 // 100], 1),
    }
