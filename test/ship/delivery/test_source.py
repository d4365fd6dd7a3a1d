"""The next batch behind a position, whatever happens to the segments meanwhile."""

from pathlib import Path

import attr
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange import codec
from ccsproxy.ship.delivery.batch import BatchLimits, LineBatch, SegmentBatch
from ccsproxy.ship.delivery.source import RecordSource, TailMoved
from ccsproxy.store.segments.segment import plain_path
from ccsproxy.store.state.shipments import DONE, Position, Shipment
from test.ship.segments import FIRST, SECOND, THIRD, Segments
from test.store.records import record

LIMITS = BatchLimits(rows=3, size=1 << 20)


class SourceCase(SynchronousTestCase):
    """A data dir and what reads it."""

    def setUp(self) -> None:
        """Make an empty data dir."""
        self.segments = Segments(Path(self.mktemp()))
        self.source = RecordSource(self.segments.data_dir, "h")
        self.shipment = Shipment("t")

    def lines(self, limits: BatchLimits = LIMITS, until: str = "") -> LineBatch | None:
        """Read the next lines."""
        found = self.source.next(self.shipment, limits, True, False, until)
        assert found is None or isinstance(found, LineBatch)
        return found

    def take(self, batch: LineBatch | SegmentBatch) -> None:
        """Move behind a batch."""
        self.shipment = attr.evolve(self.shipment, position=batch.after, planned=0)

    def drain(self, most: int = 100) -> list[int]:
        """Return the numbers of all records that follow, taking each batch."""
        found: list[int] = []
        for _ in range(most):
            batch = self.lines()
            if batch is None:
                return found
            found += [line.head.seq for line in batch.lines]
            self.take(batch)
        raise AssertionError("it does not end")


class LineTests(SourceCase):
    """Lines, in order, whole, each once."""

    def test_everything_in_order_over_several_segments(self) -> None:
        """Growing, closed and compressed ones; what is no record moves the position only."""
        self.segments.add(FIRST, range(1, 8))
        self.segments.close(FIRST)
        self.segments.add(SECOND, range(8, 12))
        self.segments.close(SECOND, compress=False)
        self.segments.add(THIRD, range(12, 14))
        self.assertEqual(self.drain(), list(range(1, 14)))
        self.segments.add(THIRD, [14])
        self.assertEqual(self.drain(), [14])

    def test_the_same_batch_under_the_same_name(self) -> None:
        """A planned batch ends where it was planned to, though more was written since."""
        self.segments.add(FIRST, [1, 2])
        first = self.lines()
        assert first is not None
        self.segments.add(FIRST, [3])
        self.shipment = attr.evolve(self.shipment, position=Position(FIRST), planned=first.end)
        again = self.lines()
        assert again is not None
        self.assertEqual(
            (again.token, [line.data for line in again.lines]), (first.token, [x.data for x in first.lines])
        )

    def test_a_torn_tail_waits(self) -> None:
        """Half a line is nothing yet."""
        self.segments.add(FIRST, [1])
        line = codec.encode(record(2))
        self.segments.append(FIRST, line[:40])
        self.assertEqual(self.drain(), [1])
        self.segments.append(FIRST, line[40:])
        self.assertEqual(self.drain(), [2])

    def test_a_damaged_line_is_passed_over(self) -> None:
        """What follows it is shipped."""
        self.segments.add(FIRST, [1])
        self.segments.append(FIRST, codec.encode(record(2)).replace(b'"seq":2', b'"seq":7'))
        self.segments.add(FIRST, [3])
        self.assertEqual(self.drain(), [1, 3])

    def test_large_records_stand_alone(self) -> None:
        """A batch has the size that is wanted, or one record."""
        self.segments.add(FIRST, [record(1, body="x" * 5000), record(2, body="x" * 100), record(3)])
        sizes = []
        while batch := self.lines(BatchLimits(rows=10, size=3000)):
            sizes.append(len(batch.lines))
            self.take(batch)
        self.assertEqual(sizes, [1, 2])

    def test_compressed_while_it_is_read(self) -> None:
        """Offsets are those of the plain segment."""
        self.segments.add(FIRST, range(1, 6))
        batch = self.lines()
        assert batch is not None
        self.take(batch)
        self.segments.close(FIRST)
        self.assertEqual(self.drain(), [4, 5])
        self.assertEqual(self.shipment.position, Position(FIRST, DONE, self.shipment.position.tail))

    def test_secrets_stay(self) -> None:
        """Records of a run without redaction are counted, not shipped."""
        self.segments.begin(FIRST, redacted=False)
        self.segments.add(FIRST, [1, 2])
        batch = self.lines()
        assert batch is not None
        self.assertEqual((batch.lines, batch.withheld), ([], 2))

    def test_until(self) -> None:
        """A single run ends with the segment that was the last when it began."""
        self.segments.add(FIRST, [1])
        self.segments.add(SECOND, [2])
        batch = self.lines(until=FIRST)
        assert batch is not None
        self.take(batch)
        self.take(self.lines(until=FIRST) or batch)
        self.assertIsNone(self.lines(until=FIRST))

    def test_since(self) -> None:
        """Older records are passed over, older segments not even read."""
        self.source = RecordSource(self.segments.data_dir, "h", since="2099")
        self.segments.add(FIRST, [1])
        self.assertEqual(self.drain(), [])
        self.segments.add(SECOND, [1])
        self.segments.add(THIRD, [1])
        self.assertEqual(self.source.since(4e9).segment, SECOND)


class RewriteTests(SourceCase):
    """A segment that is rewritten loses nothing that was not shipped."""

    def check(self, random: bytes) -> None:
        self.segments.add(FIRST, range(1, 5), "s")
        self.segments.add(FIRST, range(5, 7), "gone")
        batch = self.lines()
        assert batch is not None
        self.take(batch)
        self.segments.close(FIRST)
        self.segments.rewrite(FIRST, lambda head: head.session_id == "s", random)
        self.segments.add(SECOND, [9])
        self.assertEqual(self.drain(), [1, 2, 3, 4, 9])

    def test_new_name_sorts_behind(self) -> None:
        """Its records come again, and the rest."""
        self.check(b"\xff\xff\xff\xff")

    def test_new_name_sorts_before(self) -> None:
        """Just as well."""
        self.check(b"\x00\x00\x00\x00")

    def test_shipped_whole(self) -> None:
        """Then nothing comes again."""
        self.segments.add(FIRST, [1, 2])
        self.segments.close(FIRST)
        self.drain()
        self.segments.rewrite(FIRST, lambda head: head.seq == 1, b"\xff\xff\xff\xff")
        self.assertEqual(self.drain(), [])


class TailTests(SourceCase):
    """A file that was cut by a power failure, and grew anew."""

    def test_other_lines_in_their_place(self) -> None:
        """They are noticed by the checksum of the last line that was shipped."""
        self.segments.add(FIRST, [1, 2, 3])
        self.drain()
        path = plain_path(self.segments.data_dir, FIRST)
        path.write_bytes(path.read_bytes()[:-1000])
        self.assertRaises(TailMoved, self.lines)
        self.segments.begin(SECOND)
        self.segments.add(FIRST, [4, 5, 6, 7])
        self.assertRaises(TailMoved, self.lines)

    def test_end_of_what_is_written(self) -> None:
        """A new target begins there, and the check finds it as it is, also compressed."""
        self.segments.add(FIRST, [1, 2])
        end = self.source.end()
        self.source.check(end)
        self.segments.close(FIRST)
        self.source.check(end)
        self.assertEqual(len(end.tail), 8)
        self.assertEqual(RecordSource(Path(self.mktemp()), "h").end(), Position())


class SegmentTests(SourceCase):
    """Whole segments, once they are closed."""

    def test_closed_ones_only(self) -> None:
        """With how much they hold and what they replace."""
        self.segments.add(FIRST, [1, 2])
        self.assertIsNone(self.source.next(self.shipment, LIMITS, True, True))
        self.segments.close(FIRST)
        new = self.segments.rewrite(FIRST, lambda head: head.seq == 1, b"\xff\xff\xff\xff")
        found = self.source.next(self.shipment, LIMITS, True, True)
        assert isinstance(found, SegmentBatch)
        self.assertEqual((found.segment, found.records, list(found.replaces)), (new, 1, [FIRST]))
        self.take(found)
        self.assertIsNone(self.source.next(self.shipment, LIMITS, True, True))

    def test_lag(self) -> None:
        """Says what lies behind the position on the disk."""
        self.segments.add(FIRST, range(5))
        size, since = self.source.lag(Position())
        self.assertEqual((size, since), (plain_path(self.segments.data_dir, FIRST).stat().st_size, 1796032800.0))
        self.assertEqual(self.source.lag(self.source.end())[0], 0)
        self.assertEqual(self.source.lag(Position(FIRST, DONE)), (0, None))
