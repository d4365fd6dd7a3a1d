"""Reads the facts of calls that are kept beside their rows (see `ccsproxy.store.index.call_facts`)."""

import sqlite3
from collections.abc import Iterator, Sequence

import attr
import msgspec

from ccsproxy.insight.facts import VERSION, Call, Item
from ccsproxy.store.index.packing import unpacked

_calls = msgspec.msgpack.Decoder(Call)
_items = msgspec.msgpack.Decoder(Item)
_ranges = msgspec.msgpack.Decoder(list[tuple[int, int]])


def numbers_in(blob: bytes) -> Iterator[int]:
    """Yield the numbers that ranges stand for."""
    for first, count in _ranges.decode(blob):
        yield from range(first, first + count)


def stored_items(connection: sqlite3.Connection, session: int) -> dict[int, Item]:
    """Return the items of a session by their numbers."""
    rows = connection.execute("SELECT number, item FROM call_items WHERE session = ?", (session,))
    return {number: _items.decode(unpacked(blob)) for number, blob in rows}


def session_calls(connection: sqlite3.Connection, session_id: str) -> list[Call]:
    """Return the calls of a session whose facts are kept."""
    found = connection.execute("SELECT number FROM sessions WHERE session_id = ?", (session_id,)).fetchone()
    if found is None:
        return []
    items = _in_order(stored_items(connection, found[0]))
    rows = connection.execute(
        "SELECT facts, items FROM call_facts WHERE session = ? AND version = ? ORDER BY key", (found[0], VERSION)
    )
    return [_whole(facts, ranges, items) for facts, ranges in rows]


#: Stands where an item is missing, so that those behind it keep their places.
_GONE = Item("messages", "", 0, ())


def _in_order(items: dict[int, Item]) -> list[Item]:
    """Return items so that each stands at its number."""
    return [items.get(number, _GONE) for number in range(max(items, default=-1) + 1)]


def _whole(facts: bytes, ranges: bytes, items: Sequence[Item]) -> Call:
    call = _calls.decode(unpacked(facts))
    found: list[Item] = []
    for first, count in _ranges.decode(ranges):
        found += items[first : first + count]
    call.items = tuple(found)
    return call


def call_without_items(connection: sqlite3.Connection, key: int) -> Call | None:
    """Return the facts of one request without its prompt, None where they are not kept."""
    sql = "SELECT facts FROM call_facts WHERE key = ? AND version = ?"
    found = connection.execute(sql, (key, VERSION)).fetchone()
    return None if found is None else _calls.decode(unpacked(found[0]))


def first_items(connection: sqlite3.Connection, key: int, level: str) -> tuple[Item, ...]:
    """Return the items of one level of a request's prompt; the levels before the messages are read alone."""
    found = connection.execute("SELECT items, session FROM call_facts WHERE key = ?", (key,)).fetchone()
    if found is None:
        return ()
    items = []
    for number in numbers_in(found[0]):
        sql = "SELECT item FROM call_items WHERE session = ? AND number = ?"
        row = connection.execute(sql, (found[1], number)).fetchone()
        item = _items.decode(unpacked(row[0])) if row else None
        if item is not None and item.level == "messages":
            break
        if item is not None and item.level == level:
            items.append(item)
    return tuple(items)


def calls_with(connection: sqlite3.Connection, what: str, since_key: int, most: int) -> list[Call]:
    """Return the newest calls that tell something, without their items, in the order of their start.

    :param what: ``limits`` or ``secrets``.
    """
    sql = f"SELECT facts FROM call_facts WHERE has_{what} AND key >= ? AND version = ? ORDER BY key DESC LIMIT ?"  # noqa: S608
    rows = connection.execute(sql, (since_key, VERSION, most)).fetchall()
    return [_calls.decode(unpacked(facts)) for (facts,) in reversed(rows)]


@attr.frozen
class PromptSpan:
    """A distinct system prompt or tool set, by the keys of the calls that sent it."""

    kind: str
    id: str
    first_key: int
    last_key: int
    calls: int
    sessions: int


def prompt_spans(connection: sqlite3.Connection) -> list[PromptSpan]:
    """Return the distinct prompts."""
    found = []
    for kind in ("system", "tools"):
        sql = (
            f"SELECT {kind}_id, min(key), max(key), count(*), count(DISTINCT session) FROM call_facts "  # noqa: S608
            f"WHERE {kind}_id IS NOT NULL GROUP BY {kind}_id"
        )
        found += [PromptSpan(kind, *row) for row in connection.execute(sql)]
    return found


def calls_due(connection: sqlite3.Connection) -> int:
    """Return how many requests wait for their facts."""
    (count,) = connection.execute("SELECT count(*) FROM call_due").fetchone()
    return int(count)
