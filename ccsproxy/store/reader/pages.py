"""Pages of requests from the index: filtered, searched, sorted, summed up.

The cost of a page is that of its rows. The most selective filter drives the query, by the index that has its rows in
the order of the list; the other filters are checked row by row.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any

import attr

from ccsproxy.store.index.rows import TOOL, Names, numbers_of, summary_of
from ccsproxy.store.index.schema import COLUMNS, RAW, SUMS, USUAL
from ccsproxy.store.index.texts.shards import keys_that_say, shards_of
from ccsproxy.store.narrowing import order
from ccsproxy.store.query import Query, match_expressions, stored, where
from ccsproxy.store.summary import Summary

Row = tuple[int, Summary, str | None]

ROW_COLUMNS = ", ".join(f"requests.{RAW.get(name, name)}" for name in COLUMNS)
#: How many matches of a search are examined together.
_CHUNK = 400
_NO_CEILING = (1 << 63) - 1


def request_rows(connection: sqlite3.Connection, query: Query) -> list[Row]:
    """Return the rows of a page, newest first, as order key and summary."""
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
    # A request may be found under several values, because it calls several tools.
    return _distinct(found)[: query.limit]


def _ordered(connection: sqlite3.Connection, query: Query, conditions: list[str], values: list[Any]) -> list[Row]:
    """Return the rows of a list that is not sorted by time."""
    assert query.question is not None  # noqa: S101  (it determines the order)
    by = order(query.question)
    return _rows(connection, "requests", conditions, values, query.limit, by, query.offset)


def totals(connection: sqlite3.Connection, query: Query) -> dict[str, Any]:
    """Sum up everything that a query matches; the cost is given with the number of calls without a price."""
    # The cursor is where a page begins, but the sums cover all pages.
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
    """Convert an integral sum to an integer; SQLite's ``total`` cannot overflow, but returns a float."""
    return int(total) if total.is_integer() else total


#: The condition that a request is one of the order keys given by `among`.
AMONG = "requests.key IN (SELECT value FROM json_each(?))"


def among(keys: Iterable[int]) -> str:
    """Format order keys as the value of `AMONG`."""
    return "[" + ",".join(map(str, keys)) + "]"


def keys_of_search(connection: sqlite3.Connection, query: Query) -> list[int]:
    """Return the order keys of all requests that match a search, within a query's time range."""
    expressions = match_expressions(query.q)
    found: set[int] = set()
    for shard in shards_of(connection) if expressions else ():
        found.update(keys_that_say(connection, shard, expressions, query.floor or 0, query.ceiling or _NO_CEILING))
    return sorted(found, reverse=True)


def _search(connection: sqlite3.Connection, query: Query) -> list[Row]:
    """Search, newest first: one full-text shard after the other, until the page is full and no other shard can add to
    it.
    """
    if query.sorted:
        conditions, values = where(query)
        matching = among(keys_of_search(connection, query))
        return _ordered(connection, query, [*conditions, AMONG], [*values, matching])
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
    """Return the rows of the newest of these requests that match a query's filters, as many as a page has."""
    found: list[Row] = []
    for first in range(0, len(keys), _CHUNK):
        conditions, values = where(query)
        chunk = among(keys[first : first + _CHUNK])
        found += _rows(connection, "requests", [*conditions, AMONG], [*values, chunk], query.limit)
        if len(found) >= query.limit:
            break
    return found


def _driver(connection: sqlite3.Connection, query: Query) -> tuple[str | None, tuple[str, ...]]:
    """Return the most selective filter with its values; null if there is none."""
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
    """Return the newest rows that have one value of the driving filter and match the others."""
    conditions, values = where(query, driver)
    if driver == TOOL:
        conditions = ["tool_calls.name = ?", *conditions, *_tool_bounds(query)]
        source = "tool_calls CROSS JOIN requests ON requests.key = tool_calls.key"
        return _rows(connection, source, conditions, [number, *values], query.limit, "tool_calls.key DESC")
    conditions = [f"requests.raw_{driver} = ?", *conditions]
    if driver in USUAL and number != USUAL[driver][0]:
        # so that SQLite knows that the index covers it
        conditions.append(f"requests.raw_{driver} <> {USUAL[driver][0]}")
    return _rows(connection, "requests", conditions, [number, *values], query.limit)


def _tool_bounds(query: Query) -> list[str]:
    """Bound the tools' own rows, so that a later page does not read the pages before it."""
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
        f"SELECT requests.key, {ROW_COLUMNS} FROM {source} "  # noqa: S608  (conditions hold placeholders only)
        f"WHERE {' AND '.join(conditions or ['1'])} ORDER BY {by} LIMIT ? OFFSET ?"
    )
    names = Names(connection)
    rows = connection.execute(sql, (*values, limit, offset))
    return [(key, summary_of(names, key, columns), None) for key, *columns in rows]


def _distinct(rows: list[Row]) -> list[Row]:
    """Remove duplicates of rows found by more than one value of the driving filter."""
    return list({row[0]: row for row in rows}.values())
