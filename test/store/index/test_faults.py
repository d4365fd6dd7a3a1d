"""A disk that fails in reading, at every call of what follows the segments for the index."""

import errno
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.index import feeder as feeder_module
from ccsproxy.store.index.feeder import IndexFeeder
from ccsproxy.store.index.follower import Follower, bring_up
from ccsproxy.store.index.index import Index
from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.segments.compress import compress_segment
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.lines import SegmentLines
from ccsproxy.store.segments.seal import seal
from ccsproxy.store.summary import no_price
from test.store.corpus import Corpus, Segments, Shape
from test.store.disks import scratch
from test.store.reader.test_insights import facts_due
from test.store.rows import rows
from test.store.segments.test_lines import FlakyReads

#: The errno, 0 for reads that are short from then on; and at which of the calls, every one or some.
CODES = ((errno.EIO, 1), (errno.EMFILE, 4), (0, 100))


class ReadingErrorTests(SynchronousTestCase):
    """What could not be read in one round is read in the next: nothing is missing, nothing there twice."""

    def setUp(self) -> None:
        self.data_dir = scratch(self) / "data"
        segments = Segments(self.data_dir, rotate_size=16_000)
        records = segments.fill(15, Corpus(Shape(turns=6, system_words=30, turn_words=20)))
        self.sessions = {record["session_id"] for record in records}
        names = SegmentLines(self.data_dir).names()
        self.assertGreater(len(names), 2)
        for name in names[:-1]:
            seal(Files(), self.data_dir, name, 1_790_000_000.0)
        compress_segment(Files(), self.data_dir, names[0])
        bring_up(self.data_dir)
        self.expected = self.told()

    def told(self) -> Any:
        """Return what the index says, and the facts of every call."""
        reader = Reader(self.data_dir)
        calls = {each: {call.seq: call.items for call in reader.calls(each)} for each in self.sessions}
        due = facts_due(reader)
        reader.close()
        found = rows(self.data_dir)
        found["said"] = sorted({name for name, _ in found["said"]})  # by whom first depends on what was read first
        return found, calls, due

    def fresh(self) -> Index:
        for path in self.data_dir.glob("index.sqlite3*"):
            path.unlink()
        index = Index(self.data_dir)
        self.addCleanup(index.close)
        return index

    def test_following(self) -> None:
        """The rows, and how far each segment was read."""
        for code, apart in CODES:
            at, failed = 1, True
            while failed:
                flaky = FlakyReads(at, code)
                index = self.fresh()
                Follower(index, SegmentLines(self.data_dir, flaky)).catch_up()
                lines = SegmentLines(self.data_dir)
                Follower(index, lines).catch_up()
                index.facts.make(lines, lambda: True)
                index.close()
                self.assertEqual(self.told(), self.expected, (code, at))
                failed = flaky.left <= 0
                at += apart
            self.assertGreater(at, 8)

    def test_making_facts(self) -> None:
        """Whoever asks has those that could not be made out of the records, and the next start makes them."""
        for code, apart in CODES:
            at, failed = 1, True
            while failed:
                index, lines = self.fresh(), SegmentLines(self.data_dir)
                Follower(index, lines).catch_up()
                flaky = FlakyReads(at, code)
                index.facts.make(SegmentLines(self.data_dir, flaky), lambda: True)
                index.close()
                self.assertEqual(self.told()[:2], self.expected[:2], (code, at))
                bring_up(self.data_dir)
                self.assertEqual(self.told(), self.expected, (code, at))
                failed = flaky.left <= 0
                at += apart
            self.assertGreater(at, 3)

    def test_the_feeder(self) -> None:
        """Its rounds go on, and it says that it has caught up only when it has."""
        self.patch(feeder_module, "RETRY_S", 0.02)
        for at in (1, 2, 3, 5, 8, 13):
            self.fresh().close()
            feeder = IndexFeeder(self.data_dir, price=no_price)
            feeder._lines = SegmentLines(self.data_dir, FlakyReads(at, errno.EIO))
            feeder.start()
            for _ in range(20):
                if feeder.caught_up(5.0) and self.told() == self.expected:
                    break
            feeder.stop()
            self.assertEqual(self.told(), self.expected, at)
            self.assertEqual((feeder.state()["state"], feeder.state()["skipped"]), ("ok", []))
