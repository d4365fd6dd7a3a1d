"""A segment that somebody else removes while it is sealed, compressed, rewritten, expired, shipped or scanned."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.redaction import Rules
from ccsproxy.ship.delivery.batch import BatchLimits
from ccsproxy.ship.delivery.source import RecordSource
from ccsproxy.store.maintenance import recovery
from ccsproxy.store.maintenance.maintenance import Maintenance
from ccsproxy.store.maintenance.recovery import recover
from ccsproxy.store.maintenance.retention import Retention
from ccsproxy.store.observer import NullObserver
from ccsproxy.store.segments.compress import compress_segment
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.rewrite import Rewriter
from ccsproxy.store.segments.seal import seal
from ccsproxy.store.segments.segment import Header, list_segments
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.state.shipments import Shipment
from ccsproxy.store.state.state import State
from ccsproxy.tools.store import scan as scan_command
from ccsproxy.tools.store.scan import found_in
from test.store.corpus import Corpus, Segments, Shape
from test.store.disks import VanishingAtAnyStep, scratch
from test.store.records import stored_ids


class VanishingCase(SynchronousTestCase):
    """Three segments, the first of them compressed."""

    def fresh(self) -> Path:
        data_dir = scratch(self) / "data"
        segments = Segments(data_dir, rotate_size=16_000)
        records = segments.fill(12, Corpus(Shape(turns=6, system_words=30, turn_words=20)))
        self.sessions = sorted({each["session_id"] for each in records})
        self.names = [name for name, _ in list_segments(data_dir)]
        for name in self.names[:-1]:
            seal(Files(), data_dir, name, 1_790_000_000.0)
        compress_segment(Files(), data_dir, self.names[0])
        return data_dir

    def each(self) -> Iterator[tuple[Path, str, VanishingAtAnyStep, dict[str, int], int]]:
        """Yield a store, the segment that is going to vanish, the disk, what is in the others, and at which step."""
        for which in (0, 1, 2):
            at = 1
            while True:
                data_dir = self.fresh()
                name = self.names[which]
                disk = VanishingAtAnyStep(data_dir, name, at)
                others = self.without(data_dir, name)
                yield data_dir, name, disk, others, at
                if disk.left > 0:
                    break
                at += 1

    def without(self, data_dir: Path, name: str) -> dict[str, int]:
        """Return what is stored in the segments but for one."""
        aside = data_dir / "aside"
        aside.mkdir()
        paths = list((data_dir / "segments").glob(f"{name}*"))
        for path in paths:
            path.rename(aside / path.name)
        found = stored_ids(data_dir)
        for path in paths:
            (aside / path.name).rename(path)
        aside.rmdir()
        return found


def maintenance(data_dir: Path, disk: Files, **settings: object) -> Maintenance:
    """Make what takes care of a data dir."""
    state = State(data_dir)
    options = StoreSettings(min_free=0, **settings)  # type: ignore[arg-type]
    rewriter = Rewriter(disk, data_dir, _header, lambda: 0.0, os.urandom)
    retention = Retention(disk, data_dir, rewriter, state, NullObserver())
    return Maintenance(disk, data_dir, options, retention, state, NullObserver(), lambda: "", lambda: 1_790_000_100.0)


def _header(name: str) -> Header:
    return Header(segment=name, created_at="", writer="test", redacted=True, run="")


class CareTests(VanishingCase):
    """What changes segments says nothing of one that is gone, and does not bring it back."""

    def judge(self, work: Callable[[Maintenance], object], gone: Callable[[str], bool], **settings: object) -> None:
        for data_dir, name, disk, others, at in self.each():
            care = maintenance(data_dir, disk, **settings)
            work(care)
            self.assertEqual(care.trouble, "", (name, at))
            care._state.close()
            if disk.left <= 0:
                found = stored_ids(data_dir)
                self.assertEqual({each: n for each, n in others.items() if not gone(each)},
                                 {each: n for each, n in found.items() if each in others}, (name, at))  # fmt: skip
                self.assertEqual(set(found) - set(others), set(), (name, at, "it has come back"))
                self.assertEqual(list((data_dir / "segments").glob("*.tmp")), [], (name, at))

    def test_a_round(self) -> None:
        """Sealing and compressing."""
        self.judge(Maintenance.round, lambda each: False)

    def test_retention(self) -> None:
        """Everything but the newest goes; what goes by itself is not in the way."""
        for data_dir, name, disk, _, at in self.each():
            care = maintenance(data_dir, disk, retain_size=1, compress="none")
            care.round()
            self.assertEqual(care.trouble, "", (name, at))
            care._state.close()

    def test_rm(self) -> None:
        """The others lose the session, and the command does not fail."""
        for data_dir, name, disk, others, at in self.each():
            care = maintenance(data_dir, disk)
            session = self.sessions[0]
            care.forget(session)
            care._state.close()
            found = stored_ids(data_dir)
            self.assertLessEqual(set(found), set(others) if disk.left <= 0 else set(found), (name, at))
            names = [name for name, _ in list_segments(data_dir)]
            for each in names:
                self.assertNotIn(session, recovery.read_footer(Files(), data_dir, each).sessions
                                 if recovery.read_footer(Files(), data_dir, each) else {})  # fmt: skip


class ShipTests(VanishingCase):
    """What ships goes on behind it."""

    def test_batches(self) -> None:
        """Everything of the others is shipped, each once."""
        for data_dir, name, disk, others, at in self.each():
            source = RecordSource(data_dir, "host", files=disk)
            shipment, shipped, idle = Shipment("target"), list[str](), 0
            while idle < 2:
                batch = source.next(shipment, BatchLimits(rows=2, size=1 << 20), True, False)
                if batch is None:
                    idle += 1
                    continue
                shipped += [line.head.id for line in batch.lines]  # type: ignore[union-attr]
                shipment = Shipment("target", batch.after)
            self.assertEqual(len(shipped), len(set(shipped)), (name, at))
            self.assertLessEqual(set(others), set(shipped), (name, at))


class ScanTests(VanishingCase):
    """What looks for secrets reads all of the rest, and says what it could not read."""

    def test_a_segment_that_goes(self) -> None:
        """It is nothing to be told."""
        for data_dir, name, disk, _, at in self.each():
            self.patch(scan_command, "Files", lambda disk=disk: disk)
            unread: list[str] = []
            self.assertEqual(list(found_in(data_dir, Rules(), None, unread.append)), [], (name, at))
            self.assertEqual(unread, [], (name, at))

    def test_a_segment_that_cannot_be_read(self) -> None:
        """It is told, and the others are searched."""
        data_dir = self.fresh()
        path = data_dir / "segments" / f"{self.names[1]}.jsonl"
        path.unlink()
        os.mkfifo(path)
        unread: list[str] = []
        list(found_in(data_dir, Rules(), None, unread.append))
        self.assertEqual(len(unread), 1)
        self.assertIn(f"{self.names[1]} cannot be read completely", unread[0])


class FolderTests(VanishingCase):
    """A folder of segments that cannot be listed is not an empty one."""

    def test_recovery(self) -> None:
        """A passing error changes nothing; one that stays is said, and the sessions' numbers count as unknown."""
        data_dir = self.fresh()
        expected = recover(Files(), data_dir, (), 0.0)
        real, left = os.listdir, [0]

        def listdir(path: object) -> list[str]:
            if left[0]:
                left[0] -= 1
                raise OSError(errno.EMFILE, "Too many open files", str(path))
            return real(path)  # type: ignore[call-overload, no-any-return]

        self.patch(os, "listdir", listdir)
        left[0] = 2
        result = recover(Files(), data_dir, (), 0.0)
        self.assertEqual((result.marks, result.segments, result.unread), (expected.marks, expected.segments, []))
        left[0] = 1 << 30
        result = recover(Files(), data_dir, (), 0.0)
        self.assertEqual(result.marks, {})
        self.assertIn("segments", result.unread)
        self.assertTrue(any("Too many open files" in each for each in result.problems))
