"""The statements that list the sessions of an engine, and what a session comes to from its calls."""

from collections.abc import Sequence

from ccsproxy.store.engine.aggregates import where
from ccsproxy.store.engine.engine import Engine
from ccsproxy.store.index.sessions import SessionTotals, new_session
from ccsproxy.store.reader.lists import SessionQuery
from ccsproxy.store.summary import KEY_BITS, Summary

_READ = "coalesce(sum(cache_read_input_tokens), 0)"
_WRITTEN = "coalesce(sum(cache_creation_input_tokens), 0)"
#: Sort orders of sessions here; those that depend on several of their calls are not available.
SORTS = {
    "active": "max(key)",
    "time": "min(key)",
    "calls": "count(*)",
    "errors": "sum(CASE WHEN has_error THEN 1 ELSE 0 END)",
    "in": f"(sum(input_tokens) + {_READ} + {_WRITTEN})",
    "cached": f"(sum(cache_read_input_tokens) / nullif(1.0 * (sum(input_tokens) + {_READ} + {_WRITTEN}), 0))",
    "new": f"(sum(input_tokens) + {_WRITTEN})",
    "out": "sum(output_tokens)",
    "cost": "round(sum(cost), 9)",
}
#: Those for which a duplicate of a call would count twice.
NEEDS_EACH_CALL_ONCE = frozenset(SORTS) - {"active", "time"}


def sessions_order(query: SessionQuery) -> str:
    """Return the terms by which sessions are sorted, newest first unless the query says otherwise."""
    column = SORTS.get(query.sort)
    if not column:
        return "first DESC"
    return f"{column} IS NULL, {column} {'DESC' if query.descending else 'ASC'}, first DESC"


def sessions_sql(engine: Engine, relation: str, query: SessionQuery) -> str:
    """Return the statement for the names of the sessions that a query matches, each with the key of its first call.

    :param relation: what to read the calls from; for a sort of `NEEDS_EACH_CALL_ONCE`, one without duplicates.
    """
    having = ["count(*) > 0"]
    for field in ("upstream", "model", "cwd", "client"):
        if given := getattr(query, field):
            listed = ", ".join(map(engine.literal, given))
            having.append(f"sum(CASE WHEN {field} IN ({listed}) THEN 1 ELSE 0 END) > 0")
    if query.since is not None:
        having.append(f"max(key) >= {query.since << KEY_BITS}")
    among = "1 = 1"
    if query.among is not None:
        among = f"session_id IN ({', '.join(map(engine.literal, query.among)) or 'NULL'})"
    return (
        f"SELECT session_id, min(key) AS first FROM {relation} AS e WHERE {among} "  # noqa: S608
        f"GROUP BY session_id HAVING {where(having)}"
    )


def fold_session(rows: Sequence[tuple[int, Summary]]) -> SessionTotals:
    """Assemble a session from its calls, as the index does.

    :param rows: of one session, not empty.
    """
    found = new_session(*rows[0])
    for key, row in rows:
        found.fold(key, row, was_in_flight=False)
    return found
