"""Tests for `ccsproxy.redaction.item_memory`."""

import tracemalloc

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction.item_memory import ItemMemory


class ItemMemoryTests(SynchronousTestCase):
    """What is known of an item is what was found of those very bytes, and no more than there is room for."""

    def known(self, memory: ItemMemory, item: bytes, *secrets: str) -> bytes | None:
        return memory.known(memory.names([item], secrets))[0]

    def test_forms(self) -> None:
        """An item that records write as it was sent needs no room for it."""
        memory = ItemMemory()
        self.assertIsNone(self.known(memory, b'{"a":1}'))
        for sent, form in ((b'{"a":1}', b'{"a":1}'), (b'{"a": 1}', b'{"a":1}')):
            memory.remember(memory.names([sent], ())[0], sent, form)
        self.assertEqual(self.known(memory, b'{"a":1}'), b"")
        self.assertEqual(self.known(memory, b'{"a": 1}'), b'{"a":1}')

    def test_one_byte(self) -> None:
        """An item that differs by a byte is another item."""
        memory, item = ItemMemory(), b'{"text":"' + b"word " * 300 + b'"}'
        memory.remember(memory.names([item], ())[0], item, item)
        for at in range(len(item)):
            changed = item[:at] + bytes([item[at] ^ 1]) + item[at + 1 :]
            self.assertIsNone(self.known(memory, changed))
        self.assertIsNone(self.known(memory, item + b" "))

    def test_beside_other_secrets(self) -> None:
        """What is clean beside one exchange's own secrets may hold another's."""
        memory, item = ItemMemory(), b'{"text":"the word of the day"}'
        memory.remember(memory.names([item], ["one"])[0], item, item)
        self.assertEqual(self.known(memory, item, "one"), b"")
        self.assertIsNone(self.known(memory, item))
        self.assertIsNone(self.known(memory, item, "two"))
        self.assertIsNone(self.known(memory, item, "one", "two"))

    def test_two_generations(self) -> None:
        """What is asked for stays, the rest goes."""
        memory = ItemMemory(most=10)
        items = [b'{"a":%d}' % number for number in range(100)]
        for item in items:
            memory.remember(memory.names([item], ())[0], item, item)
            self.assertEqual(self.known(memory, items[0]), b"")
        self.assertIsNone(self.known(memory, items[50]))

    def test_bounded(self) -> None:
        """However much is sent, it keeps less than 32 MB."""
        memory = ItemMemory()
        tracemalloc.start()
        try:
            for number in range(3000):
                sent = b'{"a": %d}' % number
                memory.remember(memory.names([sent], ())[0], sent, b"%020000d" % number)
            for number in range(90_000):
                memory.remember(number, b"", b"")
            self.assertLess(tracemalloc.get_traced_memory()[0], 32 << 20)
        finally:
            tracemalloc.stop()

    def test_huge(self) -> None:
        """What is more than a generation has room for is not kept."""
        memory = ItemMemory(most_bytes=100)
        memory.remember(1, b"", b"x" * 101)
        self.assertEqual(memory.known([1]), [None])
