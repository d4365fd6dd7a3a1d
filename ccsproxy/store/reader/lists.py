"""Lists out of the index: pages of requests, searches, sessions, and the values that filters may have.

A page costs what its rows cost. The rarest filter leads, by the index that has its rows in the order of the list; the
other filters are looked at row by row.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attr

from ccsproxy.exchange.record import SCHEMA_VERSION
from ccsproxy.store.index.rows import TOOL, Names, numbers_of, summary_of
from ccsproxy.store.index.schema import COLUMNS, RAW, SUMS
from ccsproxy.store.index.sessions import Session
from ccsproxy.store.index.shards import keys_that_say, shards_of
from ccsproxy.store.narrowing import order
from ccsproxy.store.query import FIELDS, Query, match_expressions, stored, where
from ccsproxy.store.summary import KEY_BITS, Summary

#: Records that are read together, and about how many bytes they may have.
BATCH, BATCH_BYTES = 64, 8 << 20


def batches(summaries: Iterable[Mapping[str, Any]]) -> Iterator[list[int]]:
    """Divide records into what is read together.

    :return: their numbers; one that is large stands alone.
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


Row = tuple[int, Summary, str | None]

_COLUMNS = ", ".join(f"requests.{RAW.get(name, name)}" for name in COLUMNS)
_SESSION_COLUMNS = ", ".join(Session.__struct_fields__)
#: How many of the requests that say what was searched for are looked at together.
_CHUNK = 400
_NO_CEILING = (1 << 63) - 1
OF_SESSION = "requests.raw_session_id = (SELECT name FROM names WHERE field = 'session_id' AND value = ?)"


@attr.frozen
class SessionQuery:
    """A question for a list of sessions, newest first.

    :ivar since: sessions that were active at this time or later, milliseconds since the epoch.
    :ivar include_empty: also those that have nothing but calls still running.
    """

    upstream: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    cwd: tuple[str, ...] = ()
    client: tuple[str, ...] = ()
    since: int | None = None
    include_empty: bool = False
    limit: int = 100
    offset: int = 0


def request_rows(connection: sqlite3.Connection, query: Query) -> list[Row]:
    """Return the rows of a page, newest first: order key and summary."""
    if query.q:
        return _search(connection, query)
    if query.sorted:
        return _ordered(connection, query, *where(query))
    driver, values = _driver(connection, query)
    if driver is None:
        return _rows(connection, "requests", *where(query), query.limit)
    found: list[Row] = []
    for number in numbers_of(connection, driver, values):
        found += _driven(connection, query, driver, number)
    found.sort(key=lambda row: row[0], reverse=True)
    return _distinct(found)[: query.limit]


def _ordered(connection: sqlite3.Connection, query: Query, conditions: list[str], values: list[Any]) -> list[Row]:
    """Return the rows of a list that is sorted by something else than time."""
    assert query.question is not None  # noqa: S101  (it is what sorts)
    by = order(query.question)
    return _rows(connection, "requests", conditions, values, query.limit, by, query.offset)


def totals(connection: sqlite3.Connection, query: Query) -> dict[str, Any]:
    """Sum up everything that a question lets through; the cost says how many calls it lacks."""
    conditions, values = where(attr.evolve(query, before=0))
    if query.q:
        conditions, values = [*conditions, AMONG], [*values, among(keys_of_search(connection, query))]
    sums = ", ".join(f"total(requests.{name}), count(requests.{name})" for name in SUMS)
    sql = (
        "SELECT count(*), sum(requests.has_error), sum(requests.raw_unpriced IS NOT NULL), "  # noqa: S608
        f"{sums} FROM requests WHERE {' AND '.join(conditions or ['1'])}"
    )
    requests, errors, unpriced, *counted = connection.execute(sql, values).fetchone()
    pairs = zip(SUMS, counted[::2], counted[1::2], strict=True)
    known = {name: (_whole(total) if count else None) for name, total, count in pairs}
    return {"requests": requests, "errors": errors or 0, "unpriced": unpriced or 0, **known}


def _whole(total: float) -> float | int:
    """Write a sum that is a whole number as one; SQLite's ``total`` cannot overflow, but is a float."""
    return int(total) if total.is_integer() else total


def session_rows(connection: sqlite3.Connection, query: SessionQuery) -> list[Session]:
    """Return sessions, the last begun first."""
    conditions, values = ["1"], []
    for field in ("upstream", "model", "cwd", "client"):
        given = getattr(query, field)
        if given:
            one = f"instr(char(10) || {field}s || char(10), char(10) || ? || char(10))"
            conditions.append("(" + " OR ".join([one] * len(given)) + ")")
            values += given
    if query.since is not None:
        conditions.append("last_key >= ?")
        values.append(query.since << KEY_BITS)
    if not query.include_empty:
        conditions.append("request_count > 0")
    sql = (
        f"SELECT {_SESSION_COLUMNS} FROM sessions WHERE {' AND '.join(conditions)} "  # noqa: S608
        "ORDER BY started_key DESC LIMIT ? OFFSET ?"
    )
    return [_session(row) for row in connection.execute(sql, (*values, query.limit, query.offset))]


def one_session(connection: sqlite3.Connection, session_id: str) -> tuple[Session, list[Summary]] | None:
    """Return a session with all its requests in the order of their numbers, null when it is not known."""
    found = connection.execute(
        f"SELECT {_SESSION_COLUMNS} FROM sessions WHERE session_id = ?",  # noqa: S608
        (session_id,),
    ).fetchone()
    if found is None:
        return None
    return _session(found), _summaries(connection, f"{OF_SESSION} ORDER BY seq", (session_id,))


def rows_around(connection: sqlite3.Connection, session_id: str, seq: int, reach: int) -> list[Summary]:
    """Return the requests of a session whose numbers are near one, in the order of their numbers."""
    bounds = (session_id, seq - reach, seq + reach)
    return _summaries(connection, f"{OF_SESSION} AND seq BETWEEN ? AND ? ORDER BY seq", bounds)


def running_rows(connection: sqlite3.Connection, limit: int) -> list[Summary]:
    """Return the exchanges that have begun and have not ended, the newest first."""
    return _summaries(connection, "requests.raw_outcome IS NULL ORDER BY key DESC LIMIT ?", (limit,))


def _summaries(connection: sqlite3.Connection, condition: str, values: tuple[Any, ...]) -> list[Summary]:
    names = Names(connection)
    rows = connection.execute(f"SELECT key, {_COLUMNS} FROM requests WHERE {condition}", values)  # noqa: S608
    return [summary_of(names, key, columns) for key, *columns in rows]


def places_of(connection: sqlite3.Connection, keys: Iterable[int]) -> dict[int, tuple[str, int, int]]:
    """Return segment, offset and length of the lines of requests, by their order keys."""
    sql = "SELECT name, offset, length FROM requests JOIN segments USING (segment) WHERE key = ?"
    found = ((key, connection.execute(sql, (key,)).fetchone()) for key in keys)
    return {key: place for key, place in found if place}


def place_of(connection: sqlite3.Connection, session_id: str, seq: int) -> tuple[str, int, int] | None:
    """Return segment, offset and length of a request's line, null when the request is not known."""
    sql = (
        "SELECT name, offset, length FROM requests JOIN segments USING (segment) "  # noqa: S608  (constants)
        f"WHERE {OF_SESSION} AND seq = ? ORDER BY key DESC LIMIT 1"
    )
    found: tuple[str, int, int] | None = connection.execute(sql, (session_id, seq)).fetchone()
    return found


def marks_of(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how far the index has read each segment, -1 for those that it has read to the end."""
    rows = connection.execute("SELECT name, CASE WHEN closed THEN -1 ELSE done END FROM segments")
    return dict(rows.fetchall())


def distinct_values(connection: sqlite3.Connection) -> dict[str, list[Any]]:
    """Return the values that each filter may have, the most frequent first."""
    found: dict[str, list[Any]] = {}
    sql = "SELECT value FROM names WHERE field = ? AND count > 0 ORDER BY count DESC, value"
    for field in sorted((*FIELDS, TOOL)):
        if values := [value for (value,) in connection.execute(sql, (field,))]:
            found[field] = values
    return found


def session_dict(session: Session) -> dict[str, Any]:
    """Write a session as the API lists it; what only a running service knows is null."""
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


#: The condition that a request is one of those found by `among`.
AMONG = "requests.key IN (SELECT value FROM json_each(?))"


def among(keys: Iterable[int]) -> str:
    """Write order keys as the value of `AMONG`."""
    return "[" + ",".join(map(str, keys)) + "]"


def keys_of_search(connection: sqlite3.Connection, query: Query) -> list[int]:
    """Return the order keys of all requests that say what is searched for, within a query's time."""
    expressions = match_expressions(query.q)
    found: set[int] = set()
    for shard in shards_of(connection) if expressions else ():
        found.update(keys_that_say(connection, shard, expressions, query.floor or 0, query.ceiling or _NO_CEILING))
    return sorted(found, reverse=True)


def _search(connection: sqlite3.Connection, query: Query) -> list[Row]:
    """Search, newest first: shard after shard of the full text, until the page is full and no other may add to it."""
    if query.sorted:
        conditions, values = where(query)
        said = among(keys_of_search(connection, query))
        return _ordered(connection, query, [*conditions, AMONG], [*values, said])
    expressions = match_expressions(query.q)
    ceiling = min(query.ceiling or _NO_CEILING, _NO_CEILING)
    found: list[Row] = []
    for shard in shards_of(connection) if expressions else ():
        if len(found) >= query.limit and found[query.limit - 1][0] > shard.last_key:
            break
        keys = keys_that_say(connection, shard, expressions, query.floor or 0, ceiling)
        found = _distinct(found + _that_pass(connection, query, keys))
        found.sort(key=lambda row: row[0], reverse=True)
    return found[: query.limit]


def _that_pass(connection: sqlite3.Connection, query: Query, keys: list[int]) -> list[Row]:
    """Return the rows of the newest of these requests that pass a query's filters, as many as a page has."""
    found: list[Row] = []
    for first in range(0, len(keys), _CHUNK):
        conditions, values = where(query)
        chunk = among(keys[first : first + _CHUNK])
        found += _rows(connection, "requests", [*conditions, AMONG], [*values, chunk], query.limit)
        if len(found) >= query.limit:
            break
    return found


def _driver(connection: sqlite3.Connection, query: Query) -> tuple[str | None, tuple[str, ...]]:
    """Return the filter that fewest requests pass, with its values; null when there is none."""
    best: tuple[str | None, tuple[str, ...]] = (None, ())
    if query.session:
        return "session_id", query.session
    fewest = None
    for field, values in [*query.fields.items(), ("tool", query.tool)]:
        if not values:
            continue
        marks = ", ".join("?" * len(values))
        sql = f"SELECT coalesce(sum(count), 0) FROM names WHERE field = ? AND value IN ({marks})"  # noqa: S608
        values = tuple(stored(field, value) for value in values)
        (count,) = connection.execute(sql, (field, *values)).fetchone()
        if fewest is None or count < fewest:
            fewest, best = count, (field, values)
    return best


def _driven(connection: sqlite3.Connection, query: Query, driver: str, number: int) -> list[Row]:
    """Return the newest rows that have one value of the leading filter and pass the others."""
    conditions, values = where(query, driver)
    if driver == TOOL:
        conditions = ["tool_calls.name = ?", *conditions, *_tool_bounds(query)]
        source = "tool_calls CROSS JOIN requests ON requests.key = tool_calls.key"
        return _rows(connection, source, conditions, [number, *values], query.limit, "tool_calls.key DESC")
    return _rows(connection, "requests", [f"requests.raw_{driver} = ?", *conditions], [number, *values], query.limit)


def _tool_bounds(query: Query) -> list[str]:
    """Bound the tools' own rows, so that a page further back does not read the pages before it."""
    return [f"tool_calls.key < {min(query.ceiling, (1 << 63) - 1)}"] if query.ceiling is not None else []


def _rows(
    connection: sqlite3.Connection,
    source: str,
    conditions: list[str],
    values: list[Any],
    limit: int,
    by: str = "requests.key DESC",
    offset: int = 0,
) -> list[Row]:
    sql = (
        f"SELECT requests.key, {_COLUMNS} FROM {source} "  # noqa: S608  (conditions hold placeholders only)
        f"WHERE {' AND '.join(conditions or ['1'])} ORDER BY {by} LIMIT ? OFFSET ?"
    )
    names = Names(connection)
    rows = connection.execute(sql, (*values, limit, offset))
    return [(key, summary_of(names, key, columns), None) for key, *columns in rows]


def _distinct(rows: list[Row]) -> list[Row]:
    """Drop rows that more than one value of the leading filter found."""
    return list({row[0]: row for row in rows}.values())


def _session(row: tuple[Any, ...]) -> Session:
    return Session(**dict(zip(Session.__struct_fields__, row, strict=True)))
