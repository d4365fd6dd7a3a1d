"""Builds the facts of calls, from which conversations, cache verdicts and costs are computed.

The facts of a session of 1,000 calls of 900 KB are some hundred kilobytes, and its records are never read again for
them; see `ccsproxy.store.index.facts.blocks` for how they are stored.

Facts follow the rows: for a few new requests they are built together with these, from the same line. Otherwise they
are due for each finished request whose row refers to no block, and are built when there is time, the newest first.
Readers build missing ones from the records meanwhile.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import attr
import msgspec

from ccsproxy.insight.collect import Collector
from ccsproxy.insight.cost.rates import Price
from ccsproxy.insight.facts import Item
from ccsproxy.store.index.facts.blocks import (
    LATER,
    LIMITS,
    SECRETS,
    UNREADABLE,
    BlockWriter,
    StoredCall,
    blocks_of_session,
    encode,
)
from ccsproxy.store.index.facts.lean_record import SHORT, read_apart, read_record
from ccsproxy.store.index.facts.reading import calls_of_session, items_of_session
from ccsproxy.store.index.prompt_uses import PromptUses
from ccsproxy.store.index.texts.raw_body import Json
from ccsproxy.store.segments.lines import SegmentLines

#: Maximum number of requests, and bytes of their records, whose facts are built in one transaction.
BATCH, BATCH_BYTES = 256, 8 << 20
#: Of so many new requests at once the facts are made with their rows; of more they follow, lest lists wait for them.
TOGETHER = 256
#: Sessions and items of prompts that are held in memory.
_SESSIONS, _ITEMS = 64, 40_000


@attr.define(eq=False)
class _Session:
    """The cached state of a session while its calls arrive: its items and their numbers."""

    collector: Collector
    by_identity: dict[int, int] = attr.field(factory=dict)
    kept: list[Item] = attr.field(factory=list)
    next: int = 0

    def take(self, number: int, item: Item) -> None:
        """Hold an item under its number; equal items of a session are one object."""
        self.by_identity[id(item)] = number
        self.kept.append(item)
        self.next = max(self.next, number + 1)


class CallFacts:
    """Builds and stores the facts; for the index's one writer.

    Invariants: ``_kept`` is the number of items of all cached sessions; no facts were built for a session whose name
    has a number above ``_newest``.

    :param price: computes what a call costs.
    :ivar with_rows: whether facts are always built together with the rows, from the line that was just read: for a
        command that makes an index while no list waits for the rows, this saves reading each record twice.
    """

    def __init__(self, connection: sqlite3.Connection, price: Price) -> None:
        self.with_rows = False
        self._connection = connection
        self._price = price
        self._sessions: OrderedDict[int, _Session] = OrderedDict()
        self._kept = 0
        self._blocks = BlockWriter(connection)
        self._prompts = PromptUses(connection)
        self._fresh: list[StoredCall] = []
        self._short: list[tuple[int, int, bytes]] = []
        self._at_once = False
        self._newest = int(connection.execute("SELECT ifnull(max(name), 0) FROM names").fetchone()[0])
        connection.execute("UPDATE request_rows SET facts = NULL WHERE facts = ?", (LATER,))

    def forget(self) -> None:
        """Clear the cache, after a transaction was rolled back or rows were removed."""
        self._sessions.clear()
        self._kept = 0
        self._fresh, self._short = [], []

    def begin(self, lines: int | None) -> None:
        """Announce how many lines come together; None while the index is being rebuilt, which lists wait for."""
        self._at_once = self.with_rows or (lines is not None and lines <= TOGETHER)

    def take(self, key: int, session: int, line: bytes, body: Json) -> None:
        """Build the facts of a request whose row has just been written, if that is done now; in its transaction.

        :param session: the number of its session's name.
        :param body: the request's body, as a part of the line.
        """
        if not self._at_once:
            return
        if len(line) < SHORT:
            self._short.append((key, session, line))
        elif (call := self._make_one(key, session, lambda: read_apart(line, body))) is not None:
            self._fresh.append(call)

    def flush(self) -> None:
        """Build the rest of a batch, and write all of it."""
        # Short records together: alternating between rows and facts would evict each other's code and data from the
        # processor's caches, and cost a third more for each.
        made = [self._make_due(*each) for each in self._short]
        self._fresh += [call for call in made if call is not None]
        self._short = []
        if self._fresh:
            self._blocks.add(self._fresh)
            self._fresh = []

    def remove(self, gone: dict[int, set[int]]) -> None:
        """Remove the facts of requests whose rows are about to be removed; within the caller's transaction.

        :param gone: their keys, by the number of their session's name.
        """
        self._blocks.remove(gone)
        for session, keys in gone.items():
            self._prompts.forget(session)
            for key, call in calls_of_session(self._connection, session):
                if key not in keys:
                    self._prompts.count(key, session, call)
        self._prompts.sweep()
        self.forget()

    def make(self, lines: SegmentLines, go_on: Callable[[], bool]) -> bool:
        """Build facts that are due, the newest first, as long as there is time.

        :param go_on: called before each batch; false ends it.
        :return: whether any are left.
        """
        while go_on():
            if not self._make_batch(lines):
                return False
        return True

    def _make_batch(self, lines: SegmentLines) -> int:
        rows = list(_within(self._connection.execute(_DUE, (BATCH,)).fetchall(), BATCH_BYTES))
        if not rows:
            return 0
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            found = _lines_of(lines, rows)
            made = [self._make_due(row[0], row[1], found.get((row[2], row[3]))) for row in reversed(rows)]
            self._blocks.add(call for call in made if call is not None)
            self._connection.execute("COMMIT")
        except BaseException:
            self.forget()
            self._connection.execute("ROLLBACK")
            raise
        return len(rows)

    def _make_due(self, key: int, session: int, line: bytes | None) -> StoredCall | None:
        """Make the facts of one request that waited for them; without its line they wait on."""
        if line is None:
            self._without(key, LATER)
            return None
        return self._make_one(key, session, lambda: read_record(line))

    def _make_one(self, key: int, session: int, read: Callable[[], dict[str, Any]]) -> StoredCall | None:
        """Build the facts of one request; one that cannot be read has none."""
        try:
            return self._made(key, session, read())
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError):
            # A record may hold anything, counts of 2**63 for one; its row stays.
            self._without(key, UNREADABLE)
            return None

    def _without(self, key: int, why: int) -> None:
        """Note why a request has no facts."""
        self._connection.execute("UPDATE request_rows SET facts = ? WHERE key = ?", (why, key))

    def _made(self, key: int, session: int, record: dict[str, Any]) -> StoredCall:
        held = self._session(session)
        call = held.collector.collect(record)
        new = {held.next + at: item for at, item in enumerate(_unknown(held, call.items))}
        facts = encode(msgspec.structs.replace(call, items=()))
        items = encode(new)
        for number, item in new.items():
            held.take(number, item)
        self._kept += len(new)
        ranges = list(_in_ranges(held.by_identity[id(item)] for item in call.items))
        self._prompts.count(key, session, call)
        flags = LIMITS * bool(call.limits) | SECRETS * bool(call.outbound)
        return StoredCall(key, session, flags, ranges, msgspec.Raw(items), msgspec.Raw(facts))

    def _session(self, session: int) -> _Session:
        held = self._sessions.get(session)
        if held is None:
            held = self._sessions[session] = self._load(session)
            self._kept += len(held.kept)
            while len(self._sessions) > 1 and (len(self._sessions) > _SESSIONS or self._kept > _ITEMS):
                self._kept -= len(self._sessions.popitem(last=False)[1].kept)
        self._sessions.move_to_end(session)
        return held

    def _load(self, session: int) -> _Session:
        held = _Session(Collector(self._price))
        if session > self._newest:  # as for most sessions of a large batch: nothing of it was stored
            self._newest = session
        elif blocks_of_session(self._connection, session):
            for number, item in items_of_session(self._connection, session).items():
                held.collector.know(item)
                held.take(number, item)
        return held


def _unknown(held: _Session, items: Sequence[Item]) -> list[Item]:
    """Return the items of a call that have no number yet, each once."""
    return list({id(item): item for item in items if id(item) not in held.by_identity}.values())


def _within(rows: Iterable[Any], most: int) -> Iterator[Any]:
    """Yield rows until their records are so many bytes, at least one: a record may be as large as 64 MB."""
    size = 0
    for row in rows:
        size += row[4]
        if size > most and size > row[4]:
            return
        yield row


def _lines_of(lines: SegmentLines, rows: Iterable[tuple[int, int, str, int, int]]) -> dict[tuple[str, int], bytes]:
    """Read records, those of one segment together: one by one a compressed one costs as much as all of them."""
    places: dict[str, list[tuple[int, int]]] = {}
    for _, _, name, offset, length in rows:
        places.setdefault(name, []).append((offset, length))
    return {(name, offset): line for name in places for offset, line in lines.whole(name, places[name]).items()}


def _in_ranges(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Write numbers as ``(first, count)``."""
    first, count = 0, 0
    for number in numbers:
        if count and number == first + count:
            count += 1
            continue
        if count:
            yield first, count
        first, count = number, 1
    if count:
        yield first, count


#: Requests whose facts are due, with the location of their records.
_DUE = (
    "SELECT key, session_id, segments.name, row.offset, row.length FROM request_rows AS row INDEXED BY facts_due "
    "JOIN segments USING (segment) WHERE row.facts IS NULL AND row.outcome IS NOT NULL ORDER BY key DESC LIMIT ?"
)
