"""Readings of limits out of blocks of facts that are read once."""

import sqlite3

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.insight.facts import Call
from ccsproxy.store.index.facts import blocks
from ccsproxy.store.index.facts.blocks import LIMITS, TABLES, StoredCall, encode
from ccsproxy.store.reader import limit_history
from ccsproxy.store.reader.limit_history import LimitHistory
from ccsproxy.store.summary import KEY_BITS


class LimitHistoryTests(SynchronousTestCase):
    """An index of blocks alone."""

    def setUp(self) -> None:
        self.connection = sqlite3.connect(":memory:")
        self.addCleanup(self.connection.close)
        self.connection.executescript(TABLES)
        self.history = LimitHistory()
        self.read: list[int] = []

        def read_block(connection: sqlite3.Connection, block: int) -> list[StoredCall]:
            self.read.append(block)
            return blocks.read_block(connection, block)

        self.patch(limit_history, "read_block", read_block)

    def put(self, block: int, *started_ms: int) -> None:
        """Write a block with a call at each of some times."""
        stored = []
        for at in started_ms:
            said = (("anthropic-ratelimit-unified-5h-utilization", str(at / 1000)),)
            call = Call(session_id="s", seq=at, started_ms=at, limits=said, upstream="anthropic")
            stored.append(StoredCall(at << KEY_BITS, 1, LIMITS, [], blocks.msgspec.Raw(encode({})),
                                     blocks.msgspec.Raw(encode(call))))  # fmt: skip
        keys = [each.key for each in stored]
        row = (block, min(keys), max(keys), LIMITS, len(stored), len(stored) * 10, blocks.packed(encode(stored)))
        self.connection.execute("INSERT OR REPLACE INTO call_blocks VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def used(self, since_ms: int = 0) -> list[float]:
        return [each.used for each in self.history.readings(self.connection, since_ms)]

    def test_order(self) -> None:
        """In the order of time, whatever block they are in; what is older is left out."""
        self.put(1, 100, 400)
        self.put(2, 200, 300)
        self.assertEqual(self.used(), [0.1, 0.2, 0.3, 0.4])
        self.assertEqual(self.used(250), [0.3, 0.4])
        self.assertEqual(self.used(500), [])

    def test_read_once(self) -> None:
        """Only a block that has changed is read again: one that grew, or lost a call."""
        self.put(1, 100)
        self.put(2, 200)
        self.used()
        self.assertEqual(self.used(), [0.1, 0.2])
        self.assertEqual(sorted(self.read), [1, 2])
        self.put(2, 200, 300)
        self.assertEqual(self.used(), [0.1, 0.2, 0.3])
        self.put(2, 300)
        self.assertEqual(self.used(), [0.1, 0.3])
        self.assertEqual(sorted(self.read), [1, 2, 2, 2])

    def test_bounds(self) -> None:
        """The newest are enough, and what is cached is bounded."""
        self.patch(limit_history, "MOST", 2)
        self.patch(limit_history, "HELD", 1)
        for block in range(4):
            self.put(block + 1, 100 * block + 100)
        self.assertEqual(self.used(), [0.3, 0.4])
        self.assertEqual(len(self.history._held), 1)
