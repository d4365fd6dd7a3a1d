"""Reads the facts of calls from the index, or from the records if they are not made yet."""

import sqlite3
from collections.abc import Iterable
from typing import Any

import attr

from ccsproxy.insight.collect import Collector
from ccsproxy.insight.cost.rates import Price
from ccsproxy.insight.facts import Call, Item
from ccsproxy.insight.prompt.prompts import Version
from ccsproxy.store.index.facts.blocks import UNREADABLE
from ccsproxy.store.index.facts.reading import call_without_items
from ccsproxy.store.index.prompt_uses import prompt_spans
from ccsproxy.store.reader.lists import OF_SESSION

#: The maximum number of prompts in the list.
_MOST_PROMPTS = 500


@attr.frozen
class Stamp:
    """Identifies one state of a session."""

    finished: int
    last_key: int


def stamp_of(connection: sqlite3.Connection, session_id: str) -> Stamp | None:
    """Return the state of a session, None if it is unknown."""
    found = connection.execute(
        "SELECT request_count - in_flight, last_key FROM sessions WHERE session_id = ?", (session_id,)
    ).fetchone()
    return None if found is None else Stamp(*found)


def missing(connection: sqlite3.Connection, session_id: str) -> list[dict[str, Any]]:
    """Return number and size of a session's finished requests without stored facts."""
    rows = connection.execute(
        f"SELECT seq, request_bytes, response_bytes FROM requests WHERE {OF_SESSION} AND +raw_outcome IS NOT NULL "  # noqa: S608
        f"AND ifnull(requests.facts, {UNREADABLE}) <= {UNREADABLE} ORDER BY seq",
        (session_id,),
    )
    return [{"seq": seq, "request_bytes": sent, "response_bytes": got} for seq, sent, got in rows]


def completed(found: list[Call], records: Iterable[dict[str, Any]], price: Price) -> list[Call]:
    """Add the calls without stored facts.

    :param records: the records of these calls.
    """
    collector = Collector(price)
    known: dict[int, Item] = {id(item): item for call in found for item in call.items}
    for item in known.values():
        collector.know(item)
    return found + [collector.collect(record) for record in records]


def prompt_versions(connection: sqlite3.Connection) -> list[Version]:
    """Return the distinct system prompts and tool sets, most recently used first."""
    found = []
    for span in prompt_spans(connection, _MOST_PROMPTS):
        first, last = (call_without_items(connection, key) for key in (span.first_key, span.last_key))
        if first is not None and last is not None:
            found.append(
                Version(span.id, span.kind, span.items, first, last, span.calls, span.sessions, span.clients)
            )
    return found
