"""Sums by project, model, client, day and more; every sum states how many calls are missing in it."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from ccsproxy.store.query import Query, where
from ccsproxy.store.reader.pages import AMONG, among, keys_of_search
from ccsproxy.store.summary import KEY_BITS, LATEST_MS

#: What sums may be grouped by, and the columns that define the groups; the next column applies if one is null.
GROUPS = {
    "project": ("raw_cwd",),
    "model": ("raw_response_model", "raw_model"),
    "client": ("raw_client",),
    "day": ("date((requests.key >> 21) / 1000, 'unixepoch', 'localtime')",),
    "upstream": ("raw_upstream",),
    "account": ("raw_account",),
    "session": ("raw_session_id",),
    "agent": ("raw_agent",),
}
#: Additional groups for the calls of several people, read from an engine.
OF_MANY = ("person", "team", "host")
#: What is summed up from the parts of prompts, session by session.
PARTS = ("tool", "server", "kind")
_COUNTS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
#: What is summed up for each group.
SUMMED = ("cost", "duration_ms", *_COUNTS)


def costs(connection: sqlite3.Connection, query: Query, by: str) -> list[dict[str, Any]]:
    """Return the sums of each group, the most expensive first.

    :param by: one of `GROUPS`.
    """
    conditions, values = where(query)
    if query.q:
        conditions, values = [*conditions, AMONG], [*values, among(keys_of_search(connection, query))]
    # SQLite's `sum` fails if integers grow too large; `total` returns a float instead.
    sums = ", ".join(f"total(requests.{name}), count(requests.{name})" for name in SUMMED)
    sql = (
        f"SELECT {_named(by)} AS name, count(*), sum(requests.has_error), "  # noqa: S608  (columns of our own)
        f"sum(requests.raw_unpriced IS NOT NULL), {sums} FROM requests "
        f"WHERE {' AND '.join(['requests.raw_outcome IS NOT NULL', *conditions])} GROUP BY name"
    )
    groups: dict[str, list[Any]] = {}
    found = connection.execute(sql, values).fetchall()
    texts = {} if by == "day" else _texts(connection, [row[0] for row in found])
    for number, *counted in found:
        name = str(texts.get(number, "") if by != "day" else number or "")
        held = groups.setdefault(name, [0] * len(counted))
        groups[name] = [old + (new or 0) for old, new in zip(held, counted, strict=True)]
    rows = [cost_row(name, counted) for name, counted in groups.items()]
    return sorted(rows, key=lambda row: (-(row["cost"] or 0.0), -row["requests"]))


def dearest_sessions(connection: sqlite3.Connection, query: Query, most: int) -> tuple[list[str], int]:
    """Return the ids of the most expensive sessions with a matching call, and how many others there are."""
    if query == Query(since=query.since):
        # Sessions have their sums: those of fifteen thousand are read in the time of a thousand calls.
        sql = "SELECT session_id FROM sessions WHERE last_key >= ? AND request_count > in_flight ORDER BY cost DESC"
        found = connection.execute(sql, (min(query.since or 0, LATEST_MS) << KEY_BITS,)).fetchall()
        return [name for (name,) in found[:most]], max(len(found) - most, 0)
    conditions, values = where(query)
    if query.q:
        conditions, values = [*conditions, AMONG], [*values, among(keys_of_search(connection, query))]
    sql = (
        "SELECT requests.raw_session_id AS name FROM requests "  # noqa: S608  (columns of our own)
        f"WHERE {' AND '.join(['requests.raw_outcome IS NOT NULL', *conditions])} "
        "GROUP BY name ORDER BY total(requests.cost) DESC"
    )
    numbers = [name for (name,) in connection.execute(sql, values).fetchall()]
    texts = _texts(connection, numbers[:most])
    return [texts[name] for name in numbers[:most] if name in texts], max(len(numbers) - most, 0)


def _named(by: str) -> str:
    """Return the expression that defines the groups: the number of a name, or a day."""
    columns = [name if "(" in name else f"requests.{name}" for name in GROUPS[by]]
    return columns[0] if len(columns) == 1 else f"coalesce({', '.join(columns)})"


def _texts(connection: sqlite3.Connection, numbers: Sequence[int | None]) -> dict[int, str]:
    """Return the texts of names, in one query: there may be as many as sessions."""
    written = "[" + ",".join(str(number) for number in numbers if number is not None) + "]"
    sql = "SELECT name, value FROM names WHERE name IN (SELECT value FROM json_each(?))"
    return dict(connection.execute(sql, (written,)).fetchall())


def cost_row(name: str, counted: list[Any]) -> dict[str, Any]:
    """Convert one group to the form returned by the API.

    :param counted: requests, errors, calls without a price, then for each of `SUMMED` its sum and how many values are
    known.
    """
    requests, errors, unpriced, *pairs = counted
    sums = {
        each: (total if each in ("cost", "duration_ms") else int(total)) if count else None
        for each, total, count in zip(SUMMED, pairs[::2], pairs[1::2], strict=True)
    }
    # What was never counted is unknown, and cache tokens alone are not a prompt.
    known = sums["input_tokens"] is not None
    prompt = sum(sums[each] or 0 for each in _COUNTS if each != "output_tokens") if known else None
    read = sums["cache_read_input_tokens"]
    duration = sums.pop("duration_ms")
    return {
        "name": name or None,
        "requests": requests,
        "errors": errors,
        "unpriced": unpriced,
        "prompt_tokens": prompt,
        "seconds": None if duration is None else round(duration / 1000, 3),
        "cached_share": round(read / prompt, 4) if prompt and read is not None else None,
        **sums,
    }
