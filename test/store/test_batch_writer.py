"""Tests for `ccsproxy.store.batch_writer`, with `log`, `active` and `backlog` below it, on disks that fail."""

import errno
import shutil
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.record import Record, Started
from ccsproxy.store import batch_writer
from ccsproxy.store.backlog import Backlog, Dropped
from ccsproxy.store.batch_writer import PAUSE, BatchWriter
from ccsproxy.store.maintenance.recovery import recover
from ccsproxy.store.observer import FreshLine
from ccsproxy.store.segments import long_line
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.log import SegmentLog
from ccsproxy.store.segments.segment import Location, list_segments, segments_dir
from ccsproxy.store.settings import StoreSettings
from test.store.disks import FailingDisk, scratch
from test.store.records import record, started, stored, stored_ids


class Sink:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def wrote(self, lines: int, fresh: Sequence[FreshLine] = ()) -> None:
        self.batches.append(lines)
        assert len(fresh) <= lines

    def changed(self) -> None: ...
    def forgotten(self) -> None: ...
    def left_of_forgotten(self) -> str:
        return ""


class Bench:
    """A batch_writer on a disk, driven by hand."""

    def __init__(self, data_dir: Path, files: Files | None = None, **settings: object) -> None:
        self.data_dir = data_dir
        segments_dir(data_dir).mkdir(parents=True, mode=0o700, exist_ok=True)
        self.now = 1000.0
        self.settings = StoreSettings(**settings)  # type: ignore[arg-type]
        self.backlog = Backlog(self.settings.queue_bytes, self.settings.queue_count)
        files = files or Files()
        self.wall = 1000.0
        self.log = SegmentLog(files, data_dir, self.settings, lambda: self.wall, monotonic=lambda: self.now)
        self.observer = Sink()
        self.batch_writer = BatchWriter(files, data_dir, self.backlog, self.log, self.observer, lambda: self.now)
        self.results: dict[str, Location | Dropped] = {}

    def append(self, value: Record | Started) -> None:
        key = value.id if isinstance(value, Record) else f"started {value.id}"
        refused = self.backlog.offer(value, lambda result: self._settled(key, result))
        if refused is not None:
            self._settled(key, refused)

    def _settled(self, key: str, result: Location | Dropped) -> None:
        assert key not in self.results, "settled twice"
        self.results[key] = result

    def run(self, seconds: float = 0.0) -> None:
        self.now += seconds
        self.wall += seconds
        self.batch_writer.turn()

    def acked(self) -> set[str]:
        return {key for key, result in self.results.items() if isinstance(result, Location)}


class SlowDisk(Files):
    """Takes 50 ms of the bench's time for each write."""

    bench: Bench
    syncs = 0

    def write(self, fd: int, data: bytes | memoryview) -> int:
        self.bench.now += 0.05
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        self.syncs += 1


class PumpTests(SynchronousTestCase):
    """Records go to the disk in batches and are acknowledged when they are there."""

    def test_a_burst_is_one_write(self) -> None:
        """What waits together is written together, told to the index together, and readable at once."""
        bench = Bench(Path(self.mktemp()))
        for number in range(1, 6):
            bench.append(record(number))
        bench.run()
        self.assertEqual(sorted(stored_ids(bench.data_dir)), sorted(bench.acked()))
        self.assertEqual(bench.observer.batches, [5])

    def test_place_is_where_the_line_is(self) -> None:
        """A location gives the bytes of the line, and nothing else."""
        bench = Bench(Path(self.mktemp()))
        bench.append(record(1))
        bench.append(record(2, body="é"))
        bench.run()
        place = bench.results["id2"]
        data = (segments_dir(bench.data_dir) / f"{place.segment}.jsonl").read_bytes()
        self.assertTrue(data[place.offset : place.offset + place.length].startswith(b'{"id":"id2"'))
        self.assertEqual(place.offset + place.length, len(data))

    def test_what_cannot_be_encoded_loses_its_bodies(self) -> None:
        """A body that has no JSON form costs the body, never the record."""
        bench = Bench(Path(self.mktemp()))
        bench.append(record(1, body=object()))
        bench.run()
        self.flushLoggedErrors(TypeError)
        (found,) = stored(bench.data_dir)
        self.assertEqual(found["capture"]["faults"], ["bodies_dropped"])

    def test_long_lines(self) -> None:
        """A record of many megabytes is written piece by piece; where the disk refuses one, all of it comes later."""
        self.patch(batch_writer, "_BATCH_BYTES", 6000)
        self.patch(long_line, "PIECE", 500)
        for first in range(1, 12):
            for code in (errno.ENOSPC, 0):
                bench = Bench(Path(self.mktemp()), FailingDisk(("write",), first, 1, code))
                bodies = ["x", "é" * 3000, ["y" * 900] * 5, "z"]
                for number, body in enumerate(bodies, 1):
                    bench.append(record(number, body=body, body_bytes=9000 * (number in (2, 3))))
                for _ in range(5):
                    bench.run(2 * PAUSE)
                found = stored(bench.data_dir)
                self.assertEqual([each["request"]["body"] for each in found], bodies, (first, code))
                self.assertEqual(len(bench.acked()), 4)
                for each in bench.results.values():
                    assert isinstance(each, Location)
                    data = (segments_dir(bench.data_dir) / f"{each.segment}.jsonl").read_bytes()
                    self.assertEqual(data[each.offset + each.length - 1 :][:1], b"\n")

    def test_lone_surrogates(self) -> None:
        """A long record with half a character in it is written as a whole, with escapes."""
        self.patch(batch_writer, "_BATCH_BYTES", 6000)
        bench = Bench(Path(self.mktemp()))
        bench.append(record(1, body="x" * 9000 + "\ud83d"))
        bench.run()
        (found,) = stored(bench.data_dir)
        self.assertEqual(found["request"]["body"][-1], "\ud83d")

    def test_rotates_by_size_and_age(self) -> None:
        """A full or an old segment is closed with a footer, and names never change."""
        bench = Bench(Path(self.mktemp()), rotate_size=2000, rotate_every=60.0)
        seen: list[str] = []
        for number in range(1, 20):
            bench.append(record(number))
            bench.run(1.0)
            found = [name for name, _ in list_segments(bench.data_dir)]
            self.assertEqual(found[: len(seen)], seen)
            seen = found
        self.assertGreater(len(seen), 3)
        bench.run(61.0)
        self.assertEqual(bench.log.active, "")
        self.assertEqual(recover(Files(), bench.data_dir, (), 0.0).sealed, 0)

    def test_nothing_is_rotated_without_records(self) -> None:
        """An idle night makes no empty segments."""
        bench = Bench(Path(self.mktemp()), rotate_every=60.0)
        for _ in range(5):
            bench.run(100.0)
        self.assertEqual(list_segments(bench.data_dir), [])


class SyncTests(SynchronousTestCase):
    """``--sync`` decides when the disk is made to hold the records."""

    def test_interval_syncs_once_a_second(self) -> None:
        """The next turn is due a second after the last sync, and nothing is due when all is synced."""
        bench = Bench(Path(self.mktemp()), rotate_every=0.0)
        bench.append(record(1))
        self.assertEqual(bench.batch_writer.turn(), 1.0)
        bench.now += 1.0
        self.assertIsNone(bench.batch_writer.turn())

    def test_after_a_failed_sync_the_segment_is_not_trusted(self) -> None:
        """Nothing more is appended to it; the next record begins another."""
        disk = FailingDisk(("sync",), 1, 1, errno.EIO)
        bench = Bench(Path(self.mktemp()), disk)
        bench.append(record(1))
        bench.run()
        bench.run(1.0)
        self.assertEqual(bench.log.suspects, 1)
        bench.append(record(2))
        bench.run(PAUSE)
        self.assertNotEqual(bench.results["id1"].segment, bench.results["id2"].segment)

    def test_a_segment_that_was_removed_is_noticed(self) -> None:
        """Records go to a new one at once, even if the whole data dir is gone."""
        bench = Bench(Path(self.mktemp()))
        bench.append(record(1))
        bench.run()
        shutil.rmtree(bench.data_dir)
        bench.append(record(2))
        bench.run(1.0)
        bench.append(record(3))
        bench.run(PAUSE)
        self.assertEqual(stored_ids(bench.data_dir), {"id2": 1, "id3": 1})
        self.assertEqual(bench.log.suspects, 1)

    def test_the_wall_clock_decides_nothing(self) -> None:
        """Syncs and rotations are due as ever while the clock is set back or ahead; names sort all the same."""
        for step in (-3600.0, 3600.0, 40 * 86400.0):
            bench = Bench(Path(self.mktemp()), rotate_every=60.0)
            bench.append(record(1))
            bench.run()
            bench.wall += step
            bench.append(record(2))
            self.assertLessEqual(bench.batch_writer.turn() or 0.0, 1.0)
            bench.now += 1.0
            bench.batch_writer.turn()
            self.assertEqual(bench.batch_writer.turn(), 59.0)
            bench.now += 59.0
            bench.batch_writer.turn()
            self.assertEqual(bench.log.active, "")
            bench.append(record(3))
            bench.run()
            first, second = [name for name, _ in list_segments(bench.data_dir)]
            self.assertEqual((bench.results["id1"].segment, bench.results["id3"].segment), (first, second))

    def test_steady_load_does_not_starve_the_sync(self) -> None:
        """On a disk that takes 50 ms a write, with more waiting all the time, a turn ends soon, syncs are on time."""
        slow = SlowDisk()
        bench = Bench(Path(self.mktemp()), slow, rotate_every=0.0)
        slow.bench = bench
        number = 0
        while bench.now < 1010.0:
            while len(bench.backlog) < 2000:
                number += 1
                bench.append(record(number))
            begun = bench.now
            self.assertEqual(bench.batch_writer.turn(), 0.0)
            self.assertLess(bench.now - begun, 0.5)
        self.assertGreaterEqual(slow.syncs, 8)
        self.assertGreater(len(bench.acked()), number - 2300)

    def test_record_waits_for_the_disk(self) -> None:
        """With ``--sync record`` a record that was not synced is not acknowledged, and is not there twice."""
        disk = FailingDisk(("sync",), 1, 1, errno.EIO)
        bench = Bench(Path(self.mktemp()), disk, sync="record")
        bench.append(record(1))
        bench.run()
        self.assertEqual(bench.results, {})
        bench.run(PAUSE)
        self.assertEqual(bench.acked(), {"id1"})
        self.assertEqual(stored_ids(bench.data_dir), {"id1": 1})


class SickDiskTests(SynchronousTestCase):
    """A disk that fails at any operation costs nothing but time, and the counts are exact."""

    def check(self, operations: tuple[str, ...], code: int, times: int) -> None:
        for first in range(1, 41):
            disk = FailingDisk(operations, first, times, code)
            bench = Bench(scratch(self), disk, rotate_size=3000, sync="interval")
            for number in range(1, 31):
                bench.append(started(number))
                bench.append(record(number))
                bench.run(0.1)
            for _ in range(times + 2):
                bench.run(PAUSE)
            self.assertEqual(bench.batch_writer.trouble, "", (operations, first))
            self.assertEqual(len(bench.acked()), 60)
            bench.batch_writer.finish()
            counts = bench.backlog.counts()
            self.assertEqual((counts["accepted"], counts["stored"], counts["queued"]), (30, 30, 0))
            recover(Files(), bench.data_dir, (), 0.0)
            self.assertEqual(set(stored_ids(bench.data_dir).values()), {1}, (operations, first))
            self.assertEqual(len(stored_ids(bench.data_dir)), 30)

    def test_full_disk(self) -> None:
        """ENOSPC at the n-th write and the two that follow."""
        self.check(("write",), errno.ENOSPC, 3)

    def test_short_writes(self) -> None:
        """A write that takes half of the bytes is cut back to whole lines."""
        self.check(("write",), 0, 2)

    def test_short_writes_that_cannot_be_cut_back(self) -> None:
        """When cutting back fails too, the segment is given up."""
        self.check(("write", "truncate"), 0, 2)

    def test_broken_disk(self) -> None:
        """EIO at any write, sync or cut."""
        self.check(("write", "sync", "truncate"), errno.EIO, 2)

    def test_no_descriptors(self) -> None:
        """EMFILE when a segment is begun."""
        self.check(("create",), errno.EMFILE, 2)

    def test_counts_say_how_it_is_while_it_is_sick(self) -> None:
        """Trouble is visible, records wait, and end as dropped when there is no more time."""
        bench = Bench(Path(self.mktemp()), FailingDisk(("create", "write"), 1, 1 << 30, errno.EROFS))
        for number in range(1, 4):
            bench.append(record(number))
        bench.run()
        self.assertIn("Read-only", bench.batch_writer.trouble)
        self.assertEqual(bench.backlog.counts()["queued"], 3)
        bench.batch_writer.finish()
        counts = bench.backlog.counts()
        self.assertEqual((counts["accepted"], counts["stored"], counts["dropped"]["disk"]), (3, 0, 3))
        self.assertEqual({result.reason for result in bench.results.values()}, {"disk"})

    def test_an_idle_sick_disk_is_probed(self) -> None:
        """Health turns good again within a pause after the cause is gone, without any record."""
        disk = FailingDisk(("write",), 2, 4, errno.ENOSPC)
        bench = Bench(Path(self.mktemp()), disk, rotate_every=5.0)
        bench.append(started(1))
        bench.run()
        self.assertTrue(bench.batch_writer.trouble)
        while disk.left:
            bench.run(PAUSE)
        bench.run(PAUSE)
        self.assertEqual(bench.batch_writer.trouble, "")
