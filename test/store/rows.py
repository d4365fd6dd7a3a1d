"""What an index says, without the numbers that SQLite gives to rows: two indexes of the same store say the same."""

import sqlite3
from pathlib import Path
from typing import Any

from ccsproxy.store.index.schema import COLUMNS, NAME
from ccsproxy.store.index.sessions import FIELDS

_NAMED = {
    "requests": f"SELECT key, name, offset, length, {', '.join(COLUMNS)} FROM requests JOIN segments USING (segment)",
    "sessions": f"SELECT {', '.join(name for name in FIELDS if name != 'number')} FROM sessions",
    "segments": "SELECT name, done, closed, damaged FROM segments",
    "seen": "SELECT session_id, hash, key FROM seen JOIN sessions ON number = session",
    "passages": "SELECT rowid, * FROM passages",
    "tools": "SELECT * FROM tools",
    "facets": "SELECT * FROM facets",
    "spreads": "SELECT * FROM spreads",
}


def rows(data_dir: Path) -> dict[str, list[Any]]:
    """Return the rows of every table, sorted; sums rounded, since floats are not added in the same order."""
    connection = sqlite3.connect(data_dir / NAME)
    try:
        found = {table: sorted(connection.execute(sql).fetchall(), key=repr) for table, sql in _NAMED.items()}
        found["tallies"] = sorted(connection.execute("SELECT * FROM tallies").fetchall(), key=repr)
    finally:
        connection.close()
    return {table: [tuple(map(_rounded, row)) for row in each] for table, each in found.items()}


def _rounded(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value
