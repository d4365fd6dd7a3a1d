"""The facts of calls, kept beside their rows: what conversations, cache verdicts and costs by part are made of.

A call's prompt repeats that of the call before, so its items (tools, texts of the system prompt, messages) are kept
once for a session and a call names them by ranges of their numbers. A session of 1,000 calls of 900 KB is some
megabytes here, and is never read again from its records.

Facts follow the rows: a finished request is noted as due in the transaction that takes it in, and its facts are made
when there is time, the newest first. Whoever asks meanwhile makes those that are missing from the records.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import attr
import msgspec

from ccsproxy.exchange.upgrade import upgrade
from ccsproxy.insight.collect import Collector
from ccsproxy.insight.cost.rates import Price
from ccsproxy.insight.facts import VERSION, Call, Item
from ccsproxy.insight.prompt.prompts import prompt_id
from ccsproxy.store.index.packing import packed
from ccsproxy.store.index.stored_calls import numbers_in, stored_items
from ccsproxy.store.segments.lines import SegmentLines
from ccsproxy.store.summary import plain_json

#: Requests whose facts are made in one transaction, and the bytes of their records.
BATCH, BATCH_BYTES = 128, 8 << 20
#: Sessions whose items are held in memory.
_SESSIONS = 16

TABLES = """
CREATE TABLE call_facts (
    key INTEGER PRIMARY KEY, session INTEGER NOT NULL, version INTEGER NOT NULL, system_id TEXT, tools_id TEXT,
    has_limits INTEGER NOT NULL, has_secrets INTEGER NOT NULL, items BLOB NOT NULL, facts BLOB NOT NULL);
CREATE INDEX call_facts_by_session ON call_facts (session);
CREATE INDEX call_facts_by_system ON call_facts (system_id, key) WHERE system_id IS NOT NULL;
CREATE INDEX call_facts_by_tools ON call_facts (tools_id, key) WHERE tools_id IS NOT NULL;
CREATE INDEX call_facts_with_limits ON call_facts (key) WHERE has_limits;
CREATE INDEX call_facts_with_secrets ON call_facts (key) WHERE has_secrets;
CREATE TABLE call_items (
    session INTEGER NOT NULL, number INTEGER NOT NULL, item BLOB NOT NULL, PRIMARY KEY (session, number)
) WITHOUT ROWID;
CREATE TABLE call_due (key INTEGER PRIMARY KEY);
"""


class _Chunks(msgspec.Struct):
    """What is read of a stream: when its pieces came."""

    chunks: list[tuple[float, int]] = []


_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_chunks = msgspec.json.Decoder(_Chunks)
_encode = msgspec.msgpack.encode


@attr.define(eq=False)
class _Session:
    """What is held of a session while its calls come: its items and their numbers."""

    collector: Collector
    by_identity: dict[int, int] = attr.field(factory=dict)
    kept: list[Item] = attr.field(factory=list)
    next: int = 0


class CallFacts:
    """Makes and keeps the facts; for the index's one writer.

    :param price: what a call costs.
    """

    def __init__(self, connection: sqlite3.Connection, price: Price) -> None:
        self._connection = connection
        self._price = price
        self._sessions: OrderedDict[int, _Session] = OrderedDict()

    def due(self, key: int) -> None:
        """Note that a finished request's facts are to be made; within the caller's transaction."""
        self._connection.execute("INSERT OR IGNORE INTO call_due VALUES (?)", (key,))

    def forget(self) -> None:
        """Drop what is held in memory, after a transaction that was undone or rows that went."""
        self._sessions.clear()

    def remove(self, key: int) -> None:
        """Remove the facts of a request; within the caller's transaction."""
        self._connection.execute("DELETE FROM call_facts WHERE key = ?", (key,))
        self._connection.execute("DELETE FROM call_due WHERE key = ?", (key,))

    def sweep(self, session_ids: Iterable[str]) -> None:
        """Remove the items of sessions that no call names any more; within the caller's transaction."""
        for session in self._session_numbers(session_ids):
            named: set[int] = set()
            for (blob,) in self._connection.execute("SELECT items FROM call_facts WHERE session = ?", (session,)):
                named.update(numbers_in(blob))
            stored = self._connection.execute("SELECT number FROM call_items WHERE session = ?", (session,))
            gone = [(session, number) for (number,) in stored.fetchall() if number not in named]
            self._connection.executemany("DELETE FROM call_items WHERE session = ? AND number = ?", gone)
        self.forget()

    def _session_numbers(self, session_ids: Iterable[str]) -> list[int]:
        sql = "SELECT number FROM sessions WHERE session_id = ?"
        return [number for each in session_ids for (number,) in self._connection.execute(sql, (each,))]

    def make(self, lines: SegmentLines, go_on: Callable[[], bool]) -> bool:
        """Make facts that are due, the newest first, as long as there is time.

        :param go_on: asked before each batch.
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
            for key, session, name, offset, _ in reversed(rows):
                self._make_one(key, session, found.get((name, offset)))
            self._connection.execute("COMMIT")
        except BaseException:
            self.forget()
            self._connection.execute("ROLLBACK")
            raise
        return len(rows)

    def _make_one(self, key: int, session: int | None, line: bytes | None) -> None:
        """Make the facts of one request; one that cannot be read has none."""
        self._connection.execute("DELETE FROM call_due WHERE key = ?", (key,))
        if line is None or session is None:
            return
        held = self._session(session)
        try:
            call = held.collector.collect(read_record(line))
            ranges = list(_in_ranges(self._numbers(session, held, call.items)))
            self._write(key, session, call, ranges)
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError):
            # A record may hold anything, counts of 2**63 for one; its row stays, its facts are missing.
            return

    def _write(self, key: int, session: int, call: Call, ranges: list[tuple[int, int]]) -> None:
        main = call.role == "main"
        values = (
            key, session, VERSION, prompt_id(call, "system") if main else None,
            prompt_id(call, "tools") if main else None, bool(call.limits), bool(call.outbound), _encode(ranges),
            packed(_encode(msgspec.structs.replace(call, items=()))),
        )  # fmt: skip
        self._connection.execute("INSERT OR REPLACE INTO call_facts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def _session(self, session: int) -> _Session:
        held = self._sessions.get(session)
        if held is None:
            held = self._sessions[session] = self._load(session)
            while len(self._sessions) > _SESSIONS:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(session)
        return held

    def _load(self, session: int) -> _Session:
        held = _Session(Collector(self._price))
        for number, item in stored_items(self._connection, session).items():
            held.collector.know(item)
            held.by_identity[id(item)] = number
            held.kept.append(item)
            held.next = max(held.next, number + 1)
        return held

    def _numbers(self, session: int, held: _Session, items: Sequence[Item]) -> Iterator[int]:
        """Yield the number of each item; new ones are kept. Equal items of a session are one object."""
        for item in items:
            number = held.by_identity.get(id(item))
            if number is None:
                number, held.next = held.next, held.next + 1
                held.by_identity[id(item)] = number
                held.kept.append(item)
                self._connection.execute(
                    "INSERT INTO call_items VALUES (?, ?, ?)", (session, number, packed(_encode(item)))
                )
            yield number


def _within(rows: Iterable[Any], most: int) -> Iterator[Any]:
    """Yield rows until their records are so many bytes, at least one: a record may be as large as 64 MB."""
    size = 0
    for row in rows:
        size += row[4] or 0
        if size > most and size > (row[4] or 0):
            return
        yield row


def _lines_of(lines: SegmentLines, rows: Iterable[tuple[int, int, str, int, int]]) -> dict[tuple[str, int], bytes]:
    """Read records, those of one segment together: one by one a compressed one costs as much as all of them."""
    places: dict[str, list[tuple[int, int]]] = {}
    for _, _, name, offset, length in rows:
        if name:
            places.setdefault(name, []).append((offset, length))
    return {(name, offset): line for name in places for offset, line in lines.whole(name, places[name]).items()}


#: Requests whose facts are due, with where their records are.
_DUE = (
    "SELECT call_due.key, sessions.number, segments.name, row.offset, row.length FROM call_due "
    "LEFT JOIN request_rows AS row ON row.key = call_due.key LEFT JOIN segments USING (segment) "
    "LEFT JOIN names ON names.name = row.session_id LEFT JOIN sessions ON sessions.session_id = names.value "
    "ORDER BY call_due.key DESC LIMIT ?"
)


def read_record(line: bytes) -> dict[str, Any]:
    """Read a line's record, in the current schema version.

    :raises ValueError: when it is none.
    """
    try:
        record = _without_stream(line)
    except (msgspec.DecodeError, UnicodeError):
        record = msgspec.json.decode(plain_json(line))
    record.pop("crc32", None)
    return upgrade(record)


def _without_stream(line: bytes) -> dict[str, Any]:
    """Read a record but for the text of its stream, which says once more what the body says."""
    members = _members.decode(line)
    response = members.pop("response", None)
    record = {name: msgspec.json.decode(value) for name, value in members.items()}
    if response is not None and bytes(memoryview(response)[:1]) == b"{":
        inner = _members.decode(response)
        stream = inner.pop("stream", None)
        record["response"] = {name: msgspec.json.decode(value) for name, value in inner.items()}
        if stream is not None:
            record["response"]["stream"] = msgspec.to_builtins(_chunks.decode(stream))
    elif response is not None:
        record["response"] = msgspec.json.decode(response)
    return record


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
