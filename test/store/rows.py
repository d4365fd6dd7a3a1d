"""What an index says, without the numbers that SQLite gives to rows: two indexes of the same store say the same."""

import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from ccsproxy.store.index.rows import Names, summary_of
from ccsproxy.store.index.schema import COLUMNS, NAME
from ccsproxy.store.index.sessions import FIELDS
from ccsproxy.store.index.tallies import decode
from ccsproxy.store.index.texts.shards import keys_that_say, shards_of

_TABLES = {
    "sessions": f"SELECT {', '.join(name for name in FIELDS if name != 'number')} FROM sessions",
    "segments": "SELECT name, done, closed, damaged FROM segments",
    "seen": "SELECT session_id, hash FROM seen JOIN sessions ON number = session",
    "tools": "SELECT name, key FROM tools",
    "names": "SELECT field, value, count FROM names",
    "set_aside": "SELECT name, offset, length, reason FROM set_aside JOIN segments USING (segment)",
}


def rows(data_dir: Path) -> dict[str, list[Any]]:
    """Return the rows of every table, sorted; sums rounded, since floats are not added in the same order."""
    connection = sqlite3.connect(data_dir / NAME)
    try:
        found = {table: connection.execute(sql).fetchall() for table, sql in _TABLES.items()}
        names = Names(connection)
        found["requests"] = [
            (key, *place, *msgspec.structs.astuple(summary_of(names, key, columns)))
            for key, *place, columns in _requests(connection)
        ]
        found["tallies"] = [
            (span, start, *(names[each] if each else None for each in named), *_flat(decode(data)))
            for span, start, *named, data in connection.execute("SELECT * FROM tallies")
        ]
        found["said"] = _said(connection)
    finally:
        connection.close()
    return {table: sorted((tuple(map(_rounded, row)) for row in each), key=repr) for table, each in found.items()}


def contains_terms(data_dir: Path, word: str) -> list[int]:
    """Return the order keys of the requests that say a word, by the full text alone."""
    connection = sqlite3.connect(data_dir / NAME)
    try:
        shards = shards_of(connection)
        return sorted(
            {key for shard in shards for key in keys_that_say(connection, shard, [f'"{word}"'], 0, 1 << 62)}
        )
    finally:
        connection.close()


def _requests(connection: sqlite3.Connection) -> list[Any]:
    sql = f"SELECT key, name, offset, length, {', '.join(COLUMNS)} FROM request_rows JOIN segments USING (segment)"
    return [(key, name, offset, length, columns) for key, name, offset, length, *columns in connection.execute(sql)]


def _said(connection: sqlite3.Connection) -> list[Any]:
    """Return which request that is there says which text first in its session."""
    texts = "SELECT DISTINCT hash, text FROM seen"
    sql = f"SELECT hash, key FROM links JOIN requests USING (key) JOIN ({texts}) USING (text)"
    return connection.execute(sql).fetchall()


def _flat(tally: Any) -> tuple[Any, ...]:
    sums = tuple(map(_rounded, tally.sums))
    return (tally.requests, tally.errors, tally.unpriced, *sums, *map(sorted, (
        tally.durations.items(), tally.ttfts.items(), tally.outcomes.items())))  # fmt: skip


def _rounded(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value
