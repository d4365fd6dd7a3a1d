"""Lists out of the index: pages of requests, searches, sessions, and the values that filters may have.

A page costs what its rows cost. The rarest filter leads, by the index that has its rows in the order of the list; the
other filters are looked at row by row.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attr

from ccsproxy.exchange.record import SCHEMA_VERSION
from ccsproxy.store.index.schema import COLUMNS, SUMS
from ccsproxy.store.index.sessions import Session, summary_of
from ccsproxy.store.narrowing import order
from ccsproxy.store.query import Query, match_expression, where
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

_COLUMNS = ", ".join(f"requests.{name}" for name in COLUMNS)
_SESSION_COLUMNS = ", ".join(Session.__struct_fields__)
_SNIPPET = "snippet(passages, -1, '', '', '…', 24)"


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
    """Return the rows of a page, newest first: order key, summary, and where words were searched for an excerpt."""
    expression = match_expression(query.q) if query.q else None
    if query.q and expression is None:
        return []
    if expression is not None:
        return _search(connection, query, expression)
    if query.sorted:
        return _ordered(connection, query)
    driver, values = _driver(connection, query)
    if driver is None:
        return _rows(connection, "requests", *where(query), query.limit)
    found: list[Row] = []
    for value in values:
        found += _driven(connection, query, driver, value)
    found.sort(key=lambda row: row[0], reverse=True)
    return _distinct(found)[: query.limit]


def _ordered(connection: sqlite3.Connection, query: Query) -> list[Row]:
    """Return the rows of a list that is sorted by something else than time."""
    conditions, values = where(query)
    assert query.question is not None  # noqa: S101  (it is what sorts)
    sql = (
        f"SELECT requests.key, {_COLUMNS} FROM requests WHERE {' AND '.join(conditions or ['1'])} "  # noqa: S608
        f"ORDER BY {order(query.question)} LIMIT ? OFFSET ?"
    )
    rows = connection.execute(sql, (*values, query.limit, query.offset))
    return [(key, summary_of(columns), None) for key, *columns in rows]


def totals(connection: sqlite3.Connection, query: Query) -> dict[str, Any]:
    """Sum up everything that a question lets through; the cost says how many calls it lacks."""
    conditions, values = where(attr.evolve(query, before=0))
    source = "requests"
    if query.q:
        expression = match_expression(query.q)
        source = "passages JOIN requests ON requests.key = passages.rowid"
        conditions, values = ["passages MATCH ?", *conditions], [expression or '""', *values]
    sums = ", ".join(f"sum(requests.{name})" for name in SUMS)
    sql = (
        f"SELECT count(*), sum(requests.has_error), sum(requests.unpriced IS NOT NULL AND requests.unpriced <> ''), "  # noqa: S608
        f"{sums} FROM {source} WHERE {' AND '.join(conditions or ['1'])}"
    )
    requests, errors, unpriced, *counted = connection.execute(sql, values).fetchone()
    return {"requests": requests, "errors": errors or 0, "unpriced": unpriced or 0,
            **dict(zip(SUMS, counted, strict=True))}  # fmt: skip


def session_rows(connection: sqlite3.Connection, query: SessionQuery) -> list[Session]:
    """Return sessions, the last begun first."""
    conditions, values = ["1"], []
    for field in ("upstream", "model", "cwd", "client"):
        given = getattr(query, field)
        if given:
            marks = ", ".join("?" * len(given))
            conditions.append(
                "EXISTS (SELECT 1 FROM facets WHERE scope = sessions.session_id AND field = ? "  # noqa: S608
                f"AND value IN ({marks}))"
            )
            values += [field, *given]
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
    rows = connection.execute(f"SELECT {_COLUMNS} FROM requests WHERE session_id = ? ORDER BY seq", (session_id,))  # noqa: S608
    return _session(found), [summary_of(row) for row in rows]


def rows_around(connection: sqlite3.Connection, session_id: str, seq: int, reach: int) -> list[Summary]:
    """Return the requests of a session whose numbers are near one, in the order of their numbers."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM requests WHERE session_id = ? AND seq BETWEEN ? AND ? ORDER BY seq",  # noqa: S608
        (session_id, seq - reach, seq + reach),
    )
    return [summary_of(row) for row in rows]


def running_rows(connection: sqlite3.Connection, limit: int) -> list[Summary]:
    """Return the requests that have begun and not ended, the newest first."""
    sql = f"SELECT {_COLUMNS} FROM requests WHERE outcome IS NULL ORDER BY key DESC LIMIT ?"  # noqa: S608
    return [summary_of(row) for row in connection.execute(sql, (limit,))]


def session_models(connection: sqlite3.Connection, session_id: str) -> list[str]:
    """Return the models that a session asked for, by name."""
    sql = "SELECT value FROM facets WHERE scope = ? AND field = 'model' AND count > 0 ORDER BY value"
    return [value for (value,) in connection.execute(sql, (session_id,))]


def place_of(connection: sqlite3.Connection, session_id: str, seq: int) -> tuple[str, int, int] | None:
    """Return segment, offset and length of a request's line, null when the request is not known."""
    sql = (
        "SELECT name, offset, length FROM requests JOIN segments USING (segment) "
        "WHERE session_id = ? AND seq = ? ORDER BY key DESC LIMIT 1"
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
    sql = "SELECT field, value FROM facets WHERE scope = '' AND count > 0 ORDER BY field, count DESC, value"
    for field, value in connection.execute(sql):
        found.setdefault(field, []).append(value)
    return found


def session_dict(session: Session, models: list[str]) -> dict[str, Any]:
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
        "models": models,
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


def _search(connection: sqlite3.Connection, query: Query, expression: str) -> list[Row]:
    """Search, newest first; the full text index gives its rows in that order."""
    conditions, values = where(query)
    conditions = [
        condition.replace("requests.key", "passages.rowid") if " EXISTS" not in condition else condition
        for condition in conditions
    ]
    by = order(query.question) if query.sorted and query.question else "passages.rowid DESC"
    sql = (
        f"SELECT requests.key, {_COLUMNS}, {_SNIPPET} FROM passages JOIN requests ON requests.key = passages.rowid "  # noqa: S608
        f"WHERE {' AND '.join(['passages MATCH ?', *conditions])} ORDER BY {by} LIMIT ? OFFSET ?"
    )
    rows = connection.execute(sql, (expression, *values, query.limit, query.offset))
    return [(key, summary_of(columns), excerpt) for key, *columns, excerpt in rows]


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
        sql = f"SELECT coalesce(sum(count), 0) FROM facets WHERE scope = '' AND field = ? AND value IN ({marks})"  # noqa: S608
        (count,) = connection.execute(sql, (field, *values)).fetchone()
        if fewest is None or count < fewest:
            fewest, best = count, (field, values)
    return best


def _driven(connection: sqlite3.Connection, query: Query, driver: str, value: str) -> list[Row]:
    """Return the newest rows that have one value of the leading filter and pass the others."""
    if driver == "tool":
        conditions, values = where(attr.evolve(query, tool=()))
        conditions = ["tools.name = ?", *conditions, *_tool_bounds(query)]
        return _rows(
            connection,
            "tools CROSS JOIN requests ON requests.key = tools.key",
            conditions,
            [value, *values],
            query.limit,
            "tools.key",
        )
    if driver == "session_id":
        narrowed = attr.evolve(query, session=(value,))
    else:
        narrowed = attr.evolve(query, fields=query.fields | {driver: (value,)})
    return _rows(connection, "requests", *where(narrowed, driver), query.limit)


def _tool_bounds(query: Query) -> list[str]:
    """Bound the tools' own rows, so that a page further back does not read the pages before it."""
    return [f"tools.key < {min(query.ceiling, (1 << 63) - 1)}"] if query.ceiling is not None else []


def _rows(
    connection: sqlite3.Connection,
    source: str,
    conditions: list[str],
    values: list[Any],
    limit: int,
    order: str = "requests.key",
) -> list[Row]:
    sql = (
        f"SELECT requests.key, {_COLUMNS} FROM {source} "  # noqa: S608  (conditions hold placeholders only)
        f"WHERE {' AND '.join(conditions or ['1'])} ORDER BY {order} DESC LIMIT ?"
    )
    return [(key, summary_of(columns), None) for key, *columns in connection.execute(sql, (*values, limit))]


def _distinct(rows: list[Row]) -> list[Row]:
    """Drop rows that more than one value of the leading filter found."""
    return list({row[0]: row for row in rows}.values())


def _session(row: tuple[Any, ...]) -> Session:
    return Session(**dict(zip(Session.__struct_fields__, row, strict=True)))
