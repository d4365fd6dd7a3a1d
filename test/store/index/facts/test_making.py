"""Tests for `ccsproxy.store.index.facts.making`: what is held in memory while facts are made."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.insight.facts import Call
from ccsproxy.store.index.facts import lean_record, making
from ccsproxy.store.index.facts.reading import session_calls
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


class TogetherTests(SynchronousTestCase):
    """Facts that are made with the rows are those that are made later."""

    def calls(self, data_dir: Path, together: int) -> dict[str, list[Call]]:
        """Follow the segments of a data dir anew; return the calls of each session."""
        self.patch(making, "TOGETHER", together)
        remove_all(data_dir)
        lines = SegmentLines(data_dir)
        index = Index(data_dir)
        self.addCleanup(index.close)
        index.settle()  # an index that is being made leaves the facts for later
        Follower(index, lines).catch_up()
        connection = index._connection
        (due,) = connection.execute("SELECT count(*) FROM request_rows WHERE facts IS NULL").fetchone()
        self.assertEqual(due, 0 if together else 40)
        index.facts.make(lines, lambda: True)
        sessions = [name for (name,) in connection.execute("SELECT session_id FROM sessions")]
        return {name: session_calls(connection, name) for name in sessions}

    def test_the_same(self) -> None:
        """All of them, with every session's items, whether a body is read with its line or taken out of it."""
        data_dir = scratch(self) / "data"
        Segments(data_dir).fill(40, Corpus(Shape(turns=6, system_words=30, turn_words=20)))
        later = self.calls(data_dir, 0)
        self.assertEqual(sum(map(len, later.values())), 40)
        self.assertEqual(self.calls(data_dir, 10_000), later)
        self.patch(making, "SHORT", 0)
        self.patch(lean_record, "SHORT", 0)
        self.assertEqual(self.calls(data_dir, 10_000), later)

    def test_nothing_is_left_of_a_batch_that_failed(self) -> None:
        """Facts of rows that are not there after all are forgotten with them."""
        data_dir = scratch(self) / "data"
        Segments(data_dir).fill(4, Corpus(Shape(turns=4)))
        index = Index(data_dir)
        self.addCleanup(index.close)
        index.settle()
        self.patch(index._rows, "flush", lambda: 1 / 0)
        Follower(index, SegmentLines(data_dir)).catch_up()
        self.assertEqual((index.facts._fresh, index.facts._kept, index.set_aside > 0), ([], 0, True))
