"""Tests for `ccsproxy.store.maintenance.recovery`, with `scan`, `seal` and `unclean` below it."""

import os

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange import codec
from ccsproxy.store.maintenance.recovery import recover
from ccsproxy.store.maintenance.unclean import unclean_record
from ccsproxy.store.segments.compress import compress_segment
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.lines import SegmentLine, lines
from ccsproxy.store.segments.scan import read_footer
from ccsproxy.store.segments.segment import Header, compressed_path, plain_path, segments_dir, stamp_seconds
from test.effort import THOROUGH
from test.store.disks import scratch
from test.store.records import record, started, stored_ids

NAME = "20261120T100000000Z-00000001"
NEXT = "20261120T100000001Z-00000002"


def header(name: str) -> bytes:
    return codec.encode(Header(segment=name, created_at="", writer="t", redacted=True, run="r"))


class RecoveryTests(SynchronousTestCase):
    """A start repairs what a crash left."""

    def setUp(self) -> None:
        self.data_dir = scratch(self)
        segments_dir(self.data_dir).mkdir(parents=True)

    def write(self, name: str, *values: object, tail: bytes = b"") -> bytes:
        data = header(name) + b"".join(codec.encode(value) for value in values) + tail
        plain_path(self.data_dir, name).write_bytes(data)
        return data

    def recover(self, *alive: str) -> object:
        return recover(Files(), self.data_dir, alive, 1e9)

    def test_cut_anywhere(self) -> None:
        """A segment cut at any byte gives its whole records, keeps the rest aside, and is closed."""
        data = self.write(NAME, started(1), record(1), record(2))
        ends = [at for at, byte in enumerate(data) if byte == 10]
        near = [at for end in ends for at in range(max(0, end - 20), end + 20)]
        for at in sorted({*near, *range(0, len(data), 1 if THOROUGH else 7)} & set(range(len(data)))):
            plain_path(self.data_dir, NAME).write_bytes(data[:at])
            torn = segments_dir(self.data_dir) / f"{NAME}.torn"
            torn.unlink(missing_ok=True)
            result = self.recover()
            whole = data[:at].rfind(b"\n") + 1
            expected = data[:whole].count(b'"outcome"')
            self.assertEqual(sum(stored_ids(self.data_dir).values()), expected)
            self.assertEqual(torn.read_bytes() if torn.exists() else b"", data[whole:at])
            self.assertEqual((result.problems, result.torn), ([], whole < at))
            if whole > len(header(NAME)):
                self.assertIsNotNone(read_footer(Files(), self.data_dir, NAME))
            self.assertEqual(self.recover().sealed, 0)

    def test_any_bit_flipped(self) -> None:
        """No flipped bit makes a wrong record; at most the line it is in and its neighbour are lost."""
        data = self.write(NAME, *[record(number) for number in range(1, 4)])
        good = {line.data for line in lines([(0, data)])}
        for bit in range(len(data) * 8):
            damaged = bytearray(data)
            damaged[bit // 8] ^= 1 << bit % 8
            found = [line.data for line in lines([(0, bytes(damaged))]) if line.good]
            self.assertLessEqual(set(found), good)
            self.assertGreaterEqual(len(found), 2)

    def test_damage_in_the_middle_is_skipped_and_counted(self) -> None:
        """The records behind a damaged one are there."""
        data = self.write(NAME, record(1), record(2), record(3))
        plain_path(self.data_dir, NAME).write_bytes(data.replace(b'"id":"id2"', b'"id":"id9"'))
        self.assertEqual(self.recover().damaged, 1)
        self.assertEqual(set(stored_ids(self.data_dir)), {"id1", "id3"})

    def test_begun_and_not_ended_is_unclean(self) -> None:
        """An exchange without an end is found, across segments, unless it is still alive."""
        self.write(NAME, started(1), started(2), started(3), record(3))
        self.recover()
        self.write(NEXT, record(2), started(4))
        result = self.recover("id4")
        self.assertEqual(result.unclean, [started(1)])
        self.assertEqual(result.marks, {"s": 4})

    def test_records_of_a_long_backlog(self) -> None:
        """What may have been recorded some time ago is looked for wherever was written to since."""
        names = [f"20261120T100{n}00000Z-0000000{n}" for n in range(6)]
        for n, name in enumerate(names):
            self.write(name, started(n), record(n))
        alive = [f"id{n}" for n in range(6)]
        self.assertEqual(recover(Files(), self.data_dir, alive, 1e9).ended, {"id4", "id5"})
        since = stamp_seconds(names[3]) + 30
        self.assertEqual(recover(Files(), self.data_dir, alive, 1e9, since).ended, {"id2", "id3", "id4", "id5"})
        self.assertEqual(recover(Files(), self.data_dir, alive, 1e9, since + 1e6).ended, {"id4", "id5"})

    def test_records_that_the_relay_has_not_heard_of(self) -> None:
        """An exchange that is alive to the relay and has its record is named, however its lines lie."""
        self.write(NAME, started(1), record(1), started(2), started(3))
        self.recover()
        compress_segment(Files(), self.data_dir, NAME)
        self.write(NEXT, record(2))
        result = self.recover("id1", "id2", "id3", "id4")
        self.assertEqual((result.ended, result.under_way), ({"id1", "id2"}, [started(3)]))

    def test_unclean_records_claim_nothing(self) -> None:
        """What was not seen is null, and the record says so."""
        found = unclean_record(started(1))
        self.assertEqual((found.outcome, found.partial, found.response, found.usage), ("unclean", True, None, None))
        self.assertEqual((found.ended_at, found.duration_ms, found.id, found.seq), (None, None, "id1", 1))

    def test_nothing_in_the_data_dir_stops_it(self) -> None:
        """Directories, links, pipes and garbage in place of segments are skipped and reported."""
        folder = segments_dir(self.data_dir)
        (folder / "20261120T100000000Z-0000000a.jsonl").mkdir()
        (folder / "20261120T100000000Z-0000000b.jsonl.zst").mkdir()
        (folder / "20261120T100000000Z-0000000c.jsonl").symlink_to("/etc/passwd")
        os.mkfifo(folder / "20261120T100000000Z-0000000d.jsonl")
        (folder / "20261120T100000000Z-0000000e.jsonl.zst").write_bytes(os.urandom(5000))
        (folder / "20261120T100000000Z-0000000f.jsonl").write_bytes(os.urandom(5000))
        (folder / "x.tmp").mkdir()
        (folder / b"\xff\xfe.jsonl".decode("utf-8", "surrogateescape")).write_bytes(b"x")
        self.write(NAME, record(1))
        result = self.recover()
        self.assertEqual(len(result.problems), 6, result.problems)
        self.assertEqual(stored_ids(self.data_dir), {"id1": 1})

    def test_a_file_of_nothing_but_garbage_is_set_aside(self) -> None:
        """It is kept as a torn tail, not thrown away."""
        plain_path(self.data_dir, NAME).write_bytes(b"garbage")
        self.recover()
        self.assertEqual([path.name for path in segments_dir(self.data_dir).iterdir()], [f"{NAME}.torn"])

    def test_damaged_compressed_file_still_gives_its_marks(self) -> None:
        """Sequence numbers go on behind what can still be read."""
        self.write(NAME, record(7))
        self.recover()
        compress_segment(Files(), self.data_dir, NAME)
        path = compressed_path(self.data_dir, NAME)
        data = bytearray(path.read_bytes())
        frame = data.rfind(b"\x28\xb5\x2f\xfd")
        data[frame + 12] ^= 255
        path.write_bytes(data)
        result = self.recover()
        self.assertEqual(result.marks, {"s": 7})
        self.assertEqual(len(result.problems), 1)

    def test_interrupted_compression(self) -> None:
        """Half a compressed file is undone; a whole one is finished; a wrong one is undone."""
        self.write(NAME, record(1))
        self.recover()
        plain = plain_path(self.data_dir, NAME).read_bytes()
        compress_segment(Files(), self.data_dir, NAME)
        packed = compressed_path(self.data_dir, NAME).read_bytes()
        for content, left in ((packed, ".jsonl.zst"), (packed[:-1], ".jsonl"), (b"", ".jsonl")):
            plain_path(self.data_dir, NAME).write_bytes(plain)
            compressed_path(self.data_dir, NAME).write_bytes(content)
            self.recover()
            self.assertEqual([path.name for path in segments_dir(self.data_dir).iterdir()], [NAME + left])
            self.assertEqual(stored_ids(self.data_dir), {"id1": 1})


class LinesTests(SynchronousTestCase):
    """Lines come out the same however the bytes are cut into pieces."""

    def test_every_split(self) -> None:
        """Two pieces, cut anywhere, and single bytes."""
        data = codec.encode({"a": 1}) + b"\n" + codec.encode({"b": 2}) + b"tail"
        expected = [(line.offset, line.length, line.data, line.good) for line in lines([(0, data)])]
        self.assertEqual([good for *_, good in expected], [True, False, True, False])
        for at in range(len(data) + 1):
            self.assertEqual(
                [(x.offset, x.length, x.data, x.good) for x in lines([(0, data[:at]), (at, data[at:])])], expected
            )
        self.assertEqual(
            list(lines((at, bytes([byte])) for at, byte in enumerate(data))),
            [SegmentLine(*each) for each in expected],
        )
