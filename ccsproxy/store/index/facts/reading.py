"""Reads the stored facts of calls (see `ccsproxy.store.index.facts.blocks`)."""

import sqlite3
from collections.abc import Iterator, Sequence

from ccsproxy.insight.facts import Call, Item
from ccsproxy.store.index.facts.blocks import LIMITS, SECRETS, StoredCall, blocks_of_session, calls, items, read_block

_FLAGS = {"limits": LIMITS, "secrets": SECRETS}
#: Placeholder for a missing item, so that later ones keep their places.
_GONE = Item("messages", "", 0, ())


def items_of_session(connection: sqlite3.Connection, session: int) -> dict[int, Item]:
    """Return the items of a session by their numbers.

    :param session: the number of its session's name.
    """
    found: dict[int, Item] = {}
    for stored in _of_session(connection, session):
        found.update(items.decode(stored.items))
    return found


def calls_of_session(connection: sqlite3.Connection, session: int) -> list[tuple[int, Call]]:
    """Return keys and calls of a session whose facts are stored, in order of their keys.

    :param session: the number of its session's name.
    """
    stored = sorted(_of_session(connection, session), key=lambda each: each.key)
    known: dict[int, Item] = {}
    for each in stored:
        known.update(items.decode(each.items))
    # One list by number, from which the ranges of calls are sliced: the items of a thousand calls that each repeat
    # the conversation are a million places.
    every = [known.get(number, _GONE) for number in range(max(known, default=-1) + 1)]
    return [(each.key, _whole(each, every)) for each in stored]


def session_calls(connection: sqlite3.Connection, session_id: str) -> list[Call]:
    """Return the calls of a session whose facts are stored."""
    found = connection.execute("SELECT name FROM names WHERE field = 'session_id' AND value = ?", (session_id,))
    number = found.fetchone()
    return [call for _, call in calls_of_session(connection, number[0])] if number else []


def _of_session(connection: sqlite3.Connection, session: int) -> Iterator[StoredCall]:
    for block in blocks_of_session(connection, session):
        yield from (each for each in read_block(connection, block) if each.session == session)


def _whole(stored: StoredCall, every: Sequence[Item]) -> Call:
    call = calls.decode(stored.facts)
    found: list[Item] = []
    for first, count in stored.ranges:
        found += every[first : first + count]
        # Higher numbers belong to items that no longer exist.
        found += [_GONE] * (count - max(min(len(every) - first, count), 0))
    call.items = tuple(found)
    return call


def call_without_items(connection: sqlite3.Connection, key: int) -> Call | None:
    """Return the facts of one request without its prompt; None if they are not stored."""
    found = connection.execute("SELECT facts FROM request_rows WHERE key = ? AND facts > 0", (key,)).fetchone()
    held = read_block(connection, found[0]) if found else []
    return next((calls.decode(each.facts) for each in held if each.key == key), None)


def calls_with(connection: sqlite3.Connection, what: str, since_key: int, most: int) -> list[Call]:
    """Return the newest calls with a flag, without their items, in order of their start.

    :param what: ``limits`` or ``secrets``.
    """
    flag = _FLAGS[what]
    found: list[tuple[int, Call]] = []
    sql = "SELECT block, last_key FROM call_blocks WHERE flags & ? AND last_key >= ? ORDER BY last_key DESC"
    for block, last_key in connection.execute(sql, (flag, since_key)).fetchall():
        if len(found) >= most and found[most - 1][0] > last_key:
            break
        told = [each for each in read_block(connection, block) if each.flags & flag and each.key >= since_key]
        found += [(each.key, calls.decode(each.facts)) for each in told]
        found.sort(key=lambda pair: pair[0], reverse=True)
        del found[most:]
    return [call for _, call in reversed(found)]
