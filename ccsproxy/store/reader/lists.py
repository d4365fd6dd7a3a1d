"""Lists of sessions and requests from the index, and the values that filters can have."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attr

from ccsproxy.exchange.record import SCHEMA_VERSION
from ccsproxy.store.index.rows import TOOL, Names, summary_of
from ccsproxy.store.index.schema import SUMS
from ccsproxy.store.index.sessions import SessionTotals
from ccsproxy.store.query import FIELDS
from ccsproxy.store.reader.pages import ROW_COLUMNS
from ccsproxy.store.summary import KEY_BITS, Summary

#: How many records are read together, and the approximate maximum of their bytes.
BATCH, BATCH_BYTES = 64, 8 << 20


def batches(summaries: Iterable[Mapping[str, Any]]) -> Iterator[list[int]]:
    """Divide records into batches that are read together.

    :return: their numbers; a large record is alone in its batch.
    """
    batch, size = list[int](), 0
    for each in summaries:
        own = (each.get("request_bytes") or 0) + (each.get("response_bytes") or 0)
        if batch and (size + own > BATCH_BYTES or len(batch) == BATCH):
            yield batch
            batch, size = [], 0
        batch.append(each["seq"])
        size += own
    if batch:
        yield batch


_SESSION_COLUMNS = ", ".join(SessionTotals.__struct_fields__)
#: The plus sign removes the column's type affinity: otherwise no index is used to compare it with an integer.
OF_SESSION = "requests.raw_session_id = (SELECT +name FROM names WHERE field = 'session_id' AND value = ?)"


@attr.frozen
class SessionQuery:
    """A query for a list of sessions, newest first.

    :ivar since: sessions that were active at this time or later, milliseconds since the epoch.
    :ivar include_empty: also those whose calls are all still in progress.
    :ivar among: the ids of the only sessions to consider; all if None.
    :ivar sort: one of `SESSION_SORTS`, empty for the most recently started first.
    """

    upstream: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    cwd: tuple[str, ...] = ()
    client: tuple[str, ...] = ()
    since: int | None = None
    include_empty: bool = False
    limit: int = 100
    offset: int = 0
    among: tuple[str, ...] | None = None
    sort: str = ""
    descending: bool = True


_PROMPT = "(input_tokens + ifnull(cache_read_input_tokens, 0) + ifnull(cache_creation_input_tokens, 0))"
#: Sort orders of sessions, as SQL.
SESSION_SORTS = {
    "active": "last_key",
    "time": "started_key",
    "title": "title COLLATE NOCASE",
    "client": "client",
    "cwd": "cwd COLLATE NOCASE",
    "model": "models",
    "calls": "request_count",
    "errors": "errors",
    "in": _PROMPT,
    "cached": f"(1.0 * cache_read_input_tokens / nullif({_PROMPT}, 0))",
    "new": "(input_tokens + ifnull(cache_creation_input_tokens, 0))",
    "out": "output_tokens",
    "duration": "(julianday(ended_at) - julianday(started_at))",
    "cost": "cost",
}


def session_rows(connection: sqlite3.Connection, query: SessionQuery) -> list[SessionTotals]:
    """Return sessions, the most recently started first unless sorted otherwise; those without the value come last."""
    conditions, values = _session_conditions(query)
    by = "started_key DESC"
    if query.sort:
        column = SESSION_SORTS[query.sort]
        # SQLite sorts null as the smallest, which would put unknown values first in ascending order.
        by = f"{column} IS NULL, {column} {'DESC' if query.descending else 'ASC'}, started_key DESC"
    sql = (
        f"SELECT {_SESSION_COLUMNS} FROM sessions WHERE {' AND '.join(conditions)} "  # noqa: S608
        f"ORDER BY {by} LIMIT ? OFFSET ?"
    )
    return [_session(row) for row in connection.execute(sql, (*values, query.limit, query.offset))]


def session_totals(connection: sqlite3.Connection, query: SessionQuery) -> dict[str, Any]:
    """Sum up all sessions that match a query, on all pages."""
    conditions, values = _session_conditions(query)
    sums = ", ".join(f"total({name}), count({name})" for name in SUMS)
    sql = (
        f"SELECT count(*), total(request_count), total(errors), total(unpriced), {sums} FROM sessions "  # noqa: S608
        f"WHERE {' AND '.join(conditions)}"
    )
    sessions, requests, errors, unpriced, *counted = connection.execute(sql, values).fetchone()
    pairs = zip(SUMS, counted[::2], counted[1::2], strict=True)
    known = {name: (int(total) if total.is_integer() else total) if count else None for name, total, count in pairs}
    return {
        "sessions": sessions,
        "requests": int(requests),
        "errors": int(errors),
        "unpriced": int(unpriced),
        **known,
    }


def _session_conditions(query: SessionQuery) -> tuple[list[str], list[Any]]:
    conditions, values = ["1"], list[Any]()
    for field in ("upstream", "model", "cwd", "client"):
        given = getattr(query, field)
        if given:
            # The values of a session are lines of one text, and a line must match completely.
            one = f"instr(char(10) || {field}s || char(10), char(10) || ? || char(10))"
            conditions.append("(" + " OR ".join([one] * len(given)) + ")")
            values += given
    if query.since is not None:
        conditions.append("last_key >= ?")
        values.append(query.since << KEY_BITS)
    if not query.include_empty:
        conditions.append("request_count > 0")
    if query.among is not None:
        # As one JSON value: SQLite takes at most 32,766 variables, and a store may have more sessions.
        conditions.append("session_id IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(query.among))
    return conditions, values


def one_session(connection: sqlite3.Connection, session_id: str) -> tuple[SessionTotals, list[Summary]] | None:
    """Return a session with all its requests in order, null if it is unknown."""
    found = session_totals_of(connection, session_id)
    if found is None:
        return None
    return found, _summaries(connection, f"{OF_SESSION} ORDER BY seq", (session_id,))


def session_totals_of(connection: sqlite3.Connection, session_id: str) -> SessionTotals | None:
    """Return a session, null if it is unknown."""
    sql = f"SELECT {_SESSION_COLUMNS} FROM sessions WHERE session_id = ?"  # noqa: S608  (columns of our own)
    found = connection.execute(sql, (session_id,)).fetchone()
    return None if found is None else _session(found)


def rows_around(connection: sqlite3.Connection, session_id: str, seq: int, reach: int) -> list[Summary]:
    """Return the requests of a session whose numbers are close to one, in order."""
    bounds = (session_id, seq - reach, seq + reach)
    return _summaries(connection, f"{OF_SESSION} AND seq BETWEEN ? AND ? ORDER BY seq", bounds)


def running_rows(connection: sqlite3.Connection, limit: int) -> list[Summary]:
    """Return the exchanges in progress, the newest first."""
    return _summaries(connection, "requests.raw_outcome IS NULL ORDER BY key DESC LIMIT ?", (limit,))


def _summaries(connection: sqlite3.Connection, condition: str, values: tuple[Any, ...]) -> list[Summary]:
    names = Names(connection)
    rows = connection.execute(f"SELECT key, {ROW_COLUMNS} FROM requests WHERE {condition}", values)  # noqa: S608
    return [summary_of(names, key, columns) for key, *columns in rows]


def places_of(connection: sqlite3.Connection, keys: Iterable[int]) -> dict[int, tuple[str, int, int]]:
    """Return segment, offset and length of the lines of requests, by their order keys."""
    sql = "SELECT name, offset, length FROM requests JOIN segments USING (segment) WHERE key = ?"
    found = ((key, connection.execute(sql, (key,)).fetchone()) for key in keys)
    return {key: place for key, place in found if place}


def place_of(connection: sqlite3.Connection, session_id: str, seq: int) -> tuple[str, int, int] | None:
    """Return segment, offset and length of a request's line, null if the request is unknown."""
    sql = (
        "SELECT name, offset, length FROM requests JOIN segments USING (segment) "  # noqa: S608  (constants)
        f"WHERE {OF_SESSION} AND seq = ? ORDER BY key DESC LIMIT 1"
    )
    found: tuple[str, int, int] | None = connection.execute(sql, (session_id, seq)).fetchone()
    return found


def places_in_session(
    connection: sqlite3.Connection, session_id: str, seqs: Iterable[int]
) -> dict[int, tuple[str, int, int]]:
    """Return segment, offset and length of the lines of several requests of a session, by their numbers."""
    sql = (
        "SELECT seq, name, offset, length FROM requests JOIN segments USING (segment) "  # noqa: S608  (constants)
        f"WHERE {OF_SESSION} AND seq IN (SELECT value FROM json_each(?)) ORDER BY key"
    )
    numbers = f"[{','.join(map(str, seqs))}]"
    return {seq: (name, at, size) for seq, name, at, size in connection.execute(sql, (session_id, numbers))}


def marks_of(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how far the index has read each segment, -1 for completely read ones."""
    rows = connection.execute("SELECT name, CASE WHEN closed THEN -1 ELSE done END FROM segments")
    return dict(rows.fetchall())


def last_seqs(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the highest sequence number of each session in the index."""
    return dict(connection.execute("SELECT session_id, max(seq) FROM requests GROUP BY raw_session_id").fetchall())


def distinct_values(connection: sqlite3.Connection) -> dict[str, list[Any]]:
    """Return the values for each filter, the most frequent first."""
    found: dict[str, list[Any]] = {}
    sql = "SELECT value FROM names WHERE field = ? AND count > 0 ORDER BY count DESC, value"
    for field in sorted((*FIELDS, TOOL)):
        if values := [value for (value,) in connection.execute(sql, (field,))]:
            found[field] = values
    return found


def session_dict(session: SessionTotals) -> dict[str, Any]:
    """Convert a session to the form listed by the API; what only a running service knows is null."""
    dialect = session.dialect or ""
    provider = "claude" if dialect.startswith("anthropic") else "codex" if dialect.startswith("openai") else None
    return {
        "session_id": session.session_id,
        "provider": provider,
        "upstream": session.upstream,
        "proxy_port": None,
        "api_port": None,
        "started_at": session.started_at,
        "ended_at": None if session.in_flight > 0 else session.ended_at,
        "request_count": session.request_count,
        "schema_version": SCHEMA_VERSION,
        "cwd": session.cwd,
        "models": sorted(model for model in session.models.split("\n") if model),
        "title": session.title,
        "client": session.client,
        "client_version": session.client_version,
        "in_flight": session.in_flight,
        "errors": session.errors,
        **{f"total_{name}": getattr(session, name) for name in SUMS if name != "cost"},
        "cost": session.cost,
        "unpriced": session.unpriced,
        "unpriced_models": [model for model in session.unpriced_models.split("\n") if model],
    }


def _session(row: tuple[Any, ...]) -> SessionTotals:
    return SessionTotals(**dict(zip(SessionTotals.__struct_fields__, row, strict=True)))
