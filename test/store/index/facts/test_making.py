"""Tests for `ccsproxy.store.index.facts.making`: what is held in memory while facts are made."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.index.facts import making
from ccsproxy.store.index.file import remove_all
from ccsproxy.store.index.follower import Follower
from ccsproxy.store.index.index import Index
from ccsproxy.store.segments.lines import SegmentLines
from test.store.corpus import Corpus, Segments, Shape
from test.store.disks import scratch


class HeldItemsTests(SynchronousTestCase):
    """Sessions are let go of, the oldest first, when they are too many or hold too much."""

    def setUp(self) -> None:
        self.data_dir = scratch(self) / "data"
        Segments(self.data_dir).fill(30, Corpus(Shape(turns=3, system_words=30, turn_words=20)))

    def held(self) -> tuple[int, int]:
        """Make all facts; return how many sessions are held, and how many items."""
        remove_all(self.data_dir)
        index = Index(self.data_dir)
        self.addCleanup(index.close)
        lines = SegmentLines(self.data_dir)
        Follower(index, lines).catch_up()
        index.facts.make(lines, lambda: True)
        held = list(index.facts._sessions.values())
        items = sum(len(each.kept) for each in held)
        self.assertEqual(index.facts._kept, items)
        index.facts.forget()
        self.assertEqual(index.facts._kept, 0)
        return len(held), items

    def test_sessions(self) -> None:
        """No more than the bound of them."""
        self.patch(making, "_SESSIONS", 3)
        self.assertEqual(self.held()[0], 3)

    def test_items(self) -> None:
        """Too many items let go of sessions, whose items are then counted no more."""
        sessions, _ = self.held()
        self.patch(making, "_ITEMS", 5)
        self.assertLess(self.held()[0], sessions)

    def test_all(self) -> None:
        """Within the bounds everything is held."""
        sessions, items = self.held()
        self.assertGreater(sessions, 3)
        self.assertGreater(items, 20)
