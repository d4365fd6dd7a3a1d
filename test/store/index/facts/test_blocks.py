"""Tests of blocks of facts: calls that share items, in blocks that fill, lose calls and hand items down."""

import sqlite3

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.insight.facts import Call, Item
from ccsproxy.store.index.facts import blocks
from ccsproxy.store.index.facts.blocks import (
    BLOCK_BYTES,
    BLOCK_CALLS,
    LIMITS,
    SECRETS,
    BlockWriter,
    StoredCall,
    blocks_of_session,
    read_block,
)
from ccsproxy.store.index.facts.reading import call_without_items, calls_of_session, calls_with, items_of_session
from ccsproxy.store.index.schema import SCHEMA


def item(number: int) -> Item:
    return Item("messages", "user", number, ())


class BlockTests(SynchronousTestCase):
    """Calls of two sessions in an index of their own."""

    def setUp(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.addCleanup(self.connection.close)
        self.connection.executescript(SCHEMA)
        self.blocks = BlockWriter(self.connection)

    def put(self, *calls: StoredCall) -> None:
        sql = "INSERT INTO request_rows (key, segment, offset, length, session_id) VALUES (?, 1, 0, 0, ?)"
        self.connection.executemany(sql, [(call.key, call.session) for call in calls])
        self.blocks.add(calls)

    def call(self, key: int, session: int, named: range, stands: range, flags: int = 0, size: int = 0) -> StoredCall:
        """Return a call that names items, some of which stand in its place."""
        items = blocks.encode({number: item(number) for number in stands})
        facts = blocks.encode(Call(session_id=f"s{session}", seq=key, started_ms=key, error="x" * size))
        ranges = [(named.start, len(named))]
        return StoredCall(key, session, flags, ranges, msgspec.Raw(items), msgspec.Raw(facts))

    def named(self, session: int) -> dict[int, list[int]]:
        """Return the digests of the items of each call of a session."""
        found = calls_of_session(self.connection, session)
        return {key: [each.digest for each in call.items] for key, call in found}

    def test_shared_items(self) -> None:
        """A call names items that stand with another, in the same block or not; sessions do not mix."""
        self.put(
            *(self.call(key, 1 + key % 2, range(key), range(key - 2 if key > 2 else 0, key)) for key in range(1, 9))
        )
        self.assertEqual(self.named(1), {key: list(range(key)) for key in (2, 4, 6, 8)})
        self.assertEqual(self.named(2), {key: list(range(key)) for key in (1, 3, 5, 7)})
        self.assertEqual(self.named(3), {})
        self.assertEqual(set(items_of_session(self.connection, 1)), set(range(8)))
        found = call_without_items(self.connection, 5)
        assert found is not None
        self.assertEqual((found.seq, found.items), (5, ()))
        self.assertIsNone(call_without_items(self.connection, 99))

    def test_full_blocks(self) -> None:
        """A block takes so many calls or bytes, then the next begins; each row knows its own."""
        for key in range(1, BLOCK_CALLS + 3):
            self.put(self.call(key, 1, range(1), range(1 if key == 1 else 0)))
        sizes = self.connection.execute(
            "SELECT calls, first_key, last_key FROM call_blocks ORDER BY block"
        ).fetchall()
        self.assertEqual(sizes, [(BLOCK_CALLS, 1, BLOCK_CALLS), (2, BLOCK_CALLS + 1, BLOCK_CALLS + 2)])
        self.put(self.call(200, 1, range(1), range(0), size=BLOCK_BYTES), self.call(201, 1, range(1), range(0)))
        self.assertEqual(len(blocks_of_session(self.connection, 1)), 3)
        self.assertEqual(len(self.named(1)), BLOCK_CALLS + 4)

    def test_removal(self) -> None:
        """What goes is gone from every block; what others name of it stays, and nothing that nobody names."""
        self.put(*(self.call(key, 1, range(key % 3, key), range(key - 1, key)) for key in range(1, 100)))
        self.put(self.call(100, 2, range(3), range(3)))
        gone = set(range(1, 50))
        self.blocks.remove({1: gone})
        self.connection.executemany("DELETE FROM request_rows WHERE key = ?", [(key,) for key in gone])
        self.assertEqual(self.named(1), {key: list(range(key % 3, key)) for key in range(50, 100)})
        self.assertEqual(self.named(2), {100: [0, 1, 2]})
        self.blocks.remove({1: set(range(50, 99))})
        self.connection.execute("DELETE FROM request_rows WHERE key BETWEEN 50 AND 98")
        self.assertEqual(self.named(1), {99: list(range(99))})
        self.blocks.remove({1: {99}})
        self.connection.execute("DELETE FROM request_rows WHERE key = 99")
        kept = [call for block in self.every() for call in read_block(self.connection, block)]
        self.assertEqual([(call.key, call.session) for call in kept], [(100, 2)])

    def test_items_that_nobody_names(self) -> None:
        """They go with the call that had them."""
        self.put(self.call(1, 1, range(5), range(5)), self.call(2, 1, range(2, 6), range(5, 6)))
        self.blocks.remove({1: {1}})
        self.connection.execute("DELETE FROM request_rows WHERE key = 1")
        self.assertEqual(set(items_of_session(self.connection, 1)), {2, 3, 4, 5})

    def test_calls_that_tell_something(self) -> None:
        """The newest of them, as many as are wanted, out of the blocks that have any."""
        for first in range(1, 400, 40):
            self.put(*(self.call(key, 1, range(0), range(0), flags=LIMITS if key % 10 == 0 else SECRETS * (key == 77))
                       for key in range(first, first + 40)))  # fmt: skip
        self.assertEqual([call.seq for call in calls_with(self.connection, "limits", 0, 3)], [380, 390, 400])
        self.assertEqual([call.seq for call in calls_with(self.connection, "limits", 375, 99)], [380, 390, 400])
        self.assertEqual([call.seq for call in calls_with(self.connection, "secrets", 0, 9)], [77])
        self.assertEqual(len(calls_with(self.connection, "limits", 0, 99)), 40)

    def every(self) -> list[int]:
        return [block for (block,) in self.connection.execute("SELECT block FROM call_blocks")]
