"""Blocks of facts: dozens of calls are stored together, because their facts are similar.

A call's prompt repeats that of the previous call, so its items (tools, texts of the system prompt, messages) are
stored once per session, in the block of the call that was indexed first, and calls refer to them by ranges of their
numbers.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from ccsproxy.insight.facts import Call, Item
from ccsproxy.store.index.facts.packing import packed, unpacked

#: A block is full with so many calls, or so many bytes before they are packed.
BLOCK_CALLS, BLOCK_BYTES = 64, 192 << 10
#: The flags of a block in ``call_blocks.flags``.
LIMITS, SECRETS = 1, 2
#: Values of ``request_rows.facts`` for calls without facts: permanently, because the record is unusual, or until the
#: next start, because the disk failed.
UNREADABLE, LATER = 0, -1

TABLES = """
CREATE TABLE call_blocks (
    block INTEGER PRIMARY KEY AUTOINCREMENT, first_key INTEGER NOT NULL, last_key INTEGER NOT NULL,
    flags INTEGER NOT NULL, calls INTEGER NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL);
"""


class StoredCall(msgspec.Struct, array_like=True, gc=False):
    """A call as stored in a block.

    :ivar key: the request's order key.
    :ivar session: the number of its session's name.
    :ivar flags: `LIMITS`, `SECRETS`.
    :ivar ranges: ``(first, count)`` of the numbers of its items.
    :ivar items: the items stored here, by number; other calls of the session may refer to them.
    :ivar facts: the `Call` without its items.
    """

    key: int
    session: int
    flags: int
    ranges: list[tuple[int, int]]
    items: msgspec.Raw
    facts: msgspec.Raw

    def numbers(self) -> Iterator[int]:
        """Yield the numbers of the call's items in their order."""
        for first, count in self.ranges:
            yield from range(first, first + count)


encode = msgspec.msgpack.encode
calls = msgspec.msgpack.Decoder(Call)
items = msgspec.msgpack.Decoder(dict[int, Item])
_blocks = msgspec.msgpack.Decoder(list[StoredCall])


def decoded(data: bytes) -> list[StoredCall]:
    """Return the calls of a block."""
    return _blocks.decode(unpacked(data))


def blocks_of_session(connection: sqlite3.Connection, session: int) -> list[int]:
    """Return the numbers of the blocks that hold calls of a session.

    :param session: the number of its session's name.
    """
    rows = connection.execute(
        "SELECT DISTINCT facts FROM request_rows WHERE session_id = ? AND facts > 0", (session,)
    )
    return [block for (block,) in rows]


def read_block(connection: sqlite3.Connection, block: int) -> list[StoredCall]:
    """Return the calls of a block; none if it no longer exists."""
    found = connection.execute("SELECT data FROM call_blocks WHERE block = ?", (block,)).fetchone()
    return decoded(found[0]) if found else []


class BlockWriter:
    """Adds calls to blocks and takes them out, within the index's transactions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, added: Iterable[StoredCall]) -> None:
        """Add calls to the block that is not full, and to new ones."""
        found = self._connection.execute(_LAST).fetchone()
        block, held = (found[0], decoded(found[1])) if found and not _full(*found[2:]) else (None, [])
        size = found[3] if block is not None else 0
        for call in added:
            held.append(call)
            size += len(bytes(call.items)) + len(bytes(call.facts))
            if _full(len(held), size):
                self._write(block, held)
                block, held, size = None, [], 0
        if held:
            self._write(block, held)

    def remove(self, gone: dict[int, set[int]]) -> None:
        """Remove calls; items that other calls of their session refer to are kept.

        :param gone: their keys, by the number of their session's name. Their rows still exist.
        """
        touched: set[int] = set()
        for session, keys in gone.items():
            blocks = blocks_of_session(self._connection, session)
            touched.update(blocks)
            self._hand_down(session, keys, blocks)
        everything = set().union(*gone.values())
        for block in touched:
            held = read_block(self._connection, block)
            left = [call for call in held if call.key not in everything]
            if len(left) < len(held):
                self._write(block, left)

    def _hand_down(self, session: int, keys: set[int], blocks: Sequence[int]) -> None:
        """Move the items of removed calls to a remaining call, as far as any remaining call refers to them."""
        lost: dict[int, Item] = {}
        named: set[int] = set()
        heir: tuple[int, int] | None = None
        for block in blocks:
            for call in read_block(self._connection, block):
                if call.session == session and call.key in keys:
                    lost.update(items.decode(call.items))
                elif call.session == session:
                    named.update(call.numbers())
                    heir = heir or (block, call.key)
        kept = {number: item for number, item in lost.items() if number in named}
        if heir is not None and kept:
            held = read_block(self._connection, heir[0])
            for call in held:
                if call.key == heir[1]:
                    call.items = msgspec.Raw(encode({**items.decode(call.items), **kept}))
            self._write(heir[0], held)

    def _write(self, block: int | None, held: Sequence[StoredCall]) -> None:
        """Write a block, a new one if it has no number, and update the rows that refer to it."""
        if not held:
            self._connection.execute("DELETE FROM call_blocks WHERE block = ?", (block,))
            return
        flags = 0
        for call in held:
            flags |= call.flags
        keys = [call.key for call in held]
        size = sum(len(bytes(call.items)) + len(bytes(call.facts)) for call in held)
        values = (block, min(keys), max(keys), flags, len(held), size, packed(encode(held)))
        number = self._connection.execute(_WRITE, values).lastrowid
        self._connection.executemany(_PLACE, [(number, key, number) for key in keys])


def _full(count: int, size: int) -> bool:
    return count >= BLOCK_CALLS or size >= BLOCK_BYTES


_LAST = "SELECT block, data, calls, size FROM call_blocks ORDER BY block DESC LIMIT 1"
_WRITE = "INSERT OR REPLACE INTO call_blocks VALUES (?, ?, ?, ?, ?, ?, ?)"
_PLACE = "UPDATE request_rows SET facts = ? WHERE key = ? AND facts IS NOT ?"
