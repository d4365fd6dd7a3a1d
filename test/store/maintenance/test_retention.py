"""Tests for `ccsproxy.store.maintenance.retention`."""

import errno
import os
import random
from pathlib import Path

import attr
from msgspec import to_builtins as builtins
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.maintenance.offline import OfflineStore
from ccsproxy.store.maintenance.retention import AgeClock, ClosedSegment, expired
from ccsproxy.store.segments.compressed import CompressedSegment
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.segment import compressed_path, list_segments
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.state.state import State
from test.effort import THOROUGH
from test.store.records import record, stored
from test.store.segments.test_lines import FlakyReads

_DAY = 86400.0


class ExpiredTests(SynchronousTestCase):
    """What has to go is chosen oldest first, and no more than needed."""

    segments = [
        ClosedSegment("a", 100, 1 * _DAY),
        ClosedSegment("b", 100, 5 * _DAY),
        ClosedSegment("c", 100, 9 * _DAY),
    ]

    def choose(self, free: int = 1 << 40, index: int = 0, **settings: object) -> list[str]:
        base = {"retain_days": 0, "retain_size": 0, "min_free": 0}
        return expired(self.segments, StoreSettings(**{**base, **settings}), 10 * _DAY, free, index)  # type: ignore[arg-type]

    def test_by_age(self) -> None:
        """Whatever is older than allowed."""
        self.assertEqual(self.choose(retain_days=6.0), ["a"])
        self.assertEqual(self.choose(retain_days=4.0), ["a", "b"])

    def test_by_size(self) -> None:
        """Until what is left fits."""
        self.assertEqual(self.choose(retain_size=200), ["a"])
        self.assertEqual(self.choose(retain_size=50), ["a", "b", "c"])

    def test_by_free_space(self) -> None:
        """Until there is enough room."""
        self.assertEqual(self.choose(min_free=1000, free=850), ["a", "b"])

    def test_free_space_that_cannot_be_made(self) -> None:
        """Where others fill the disk, nothing is given up for nothing."""
        self.assertEqual(self.choose(min_free=1000, free=100), [])

    def test_the_index_counts(self) -> None:
        """Each segment answers for its share of the index, which goes with it; a swollen one empties no store."""
        self.assertEqual(self.choose(retain_size=300), [])
        self.assertEqual(self.choose(retain_size=300, index=300), ["a", "b"])
        self.assertEqual(self.choose(retain_size=300, index=90), ["a"])
        self.assertEqual(self.choose(retain_size=300, index=1 << 30), ["a", "b"])

    def test_for_ever(self) -> None:
        """Zero means without limit."""
        self.assertEqual(self.choose(), [])


class AgeClockTests(SynchronousTestCase):
    """A clock that jumps makes nothing older than it is."""

    def test_steps(self) -> None:
        """Back is believed at once, as is what a suspend explains; 40 days ahead only when it stays so for a day."""
        wall, steady = Clock(), Clock()
        wall.advance(1000 * _DAY)
        ages = AgeClock(wall.seconds, steady.seconds)

        def later(by_wall: float, by_steady: float) -> float:
            wall.advance(by_wall)
            steady.advance(by_steady)
            return ages.now() / _DAY

        self.assertEqual(later(_DAY, _DAY), 1001)
        self.assertEqual(later(-3600, 0), 1001 - 1 / 24)
        self.assertEqual(later(3600, 0), 1001)
        self.assertEqual(later(8 * 3600, 8 * 3600), 1001 + 1 / 3)
        self.assertEqual(later(40 * _DAY, 0), 1001 + 1 / 3)
        self.assertAlmostEqual(later(_DAY / 2, _DAY / 2), 1001 + 5 / 6)
        self.assertAlmostEqual(later(_DAY / 2, _DAY / 2), 1042 + 1 / 3)
        self.assertAlmostEqual(later(40 * _DAY, 0), 1042 + 1 / 3)
        self.assertAlmostEqual(later(-40 * _DAY, 3600), 1042 + 1 / 3)


class NearlyFull(Files):
    """A disk with 100 MiB of free space."""

    def free_bytes(self, path: Path) -> int:
        return 100 << 20


class DamageTests(SynchronousTestCase):
    """Retention never removes what it could not read, and goes on past it."""

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp())
        old = 1_700_000_000.0
        for number in range(3):
            with OfflineStore(self.data_dir, SETTINGS, clock=lambda number=number: old + number * 3600) as store:
                store.add([builtins(record(number + 1, session)) for session in ("star", "plain")])
        state = State(self.data_dir)
        state.star(["star"])
        state.close()

    def left(self) -> list[tuple[str, int]]:
        return sorted((each["session_id"], each["seq"]) for each in stored(self.data_dir))

    def collect(self, files: Files | None = None) -> str:
        with OfflineStore(self.data_dir, SETTINGS) as store:
            store._files = files or Files()
            return store.collect()

    def flip(self, frame: int, at: int) -> None:
        path = compressed_path(self.data_dir, list_segments(self.data_dir)[0][0])
        with CompressedSegment(path, Files()) as packed:
            place = packed._frames[frame].at + at
        data = bytearray(path.read_bytes())
        data[place] ^= 0x10
        path.write_bytes(data)

    def test_healthy(self) -> None:
        """Starred records are carried over, the others go."""
        self.assertEqual((self.collect(), self.left()), ("", [("star", 1), ("star", 2), ("star", 3)]))

    def test_reading_fails_for_a_moment(self) -> None:
        """At whichever opening or reading: no starred record is lost, it is said, and the next round is whole."""
        for code, apart in ((errno.EIO, 3), (errno.EMFILE, 9)):
            apart = 1 if THOROUGH else apart
            failed, at = True, random.randrange(1 - apart, 1)
            while failed:
                at += apart
                disk = FlakyReads(at, code)
                trouble = self.collect(disk)
                failed = disk.left <= 0
                stars = [(session, seq) for session, seq in self.left() if session == "star"]
                self.assertEqual(stars, [("star", 1), ("star", 2), ("star", 3)], (at, trouble))
                if trouble:
                    self.assertIn(os.strerror(code), trouble)
                self.assertEqual(self.collect(), "")
                self.assertEqual(len(self.left()), 3)
                self.setUp()
            self.assertGreater(at, 8)

    def test_a_footer_that_cannot_be_read(self) -> None:
        """Decides nothing: its segment is read."""
        self.flip(-1, 12)
        self.assertEqual((self.collect(), self.left()), ("", [("star", 1), ("star", 2), ("star", 3)]))

    def test_records_that_cannot_be_read(self) -> None:
        """The segment stays, and says so in each round; the younger ones expire."""
        self.flip(0, 40)
        for _ in range(2):
            self.assertIn("damaged", self.collect())
        self.assertEqual(len(list_segments(self.data_dir)), 3)
        self.assertEqual(self.left(), [("star", 2), ("star", 3)])

    def test_a_disk_that_is_nearly_full(self) -> None:
        """What is removed for free space is named in the log, with the reason."""
        said: list[str] = []

        def observe(event: LogEvent) -> None:
            said.append(formatEvent(event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        oldest = list_segments(self.data_dir)[0][0]
        settings = attr.evolve(SETTINGS, retain_days=0, min_free=(100 << 20) + 1)
        with OfflineStore(self.data_dir, settings) as store:
            store._files = NearlyFull()
            self.assertEqual(store.collect(), "")
        named = [line for line in said if "MiB of the disk are free" in line]
        self.assertEqual(len(named), 1)
        self.assertIn(oldest, named[0])
        self.assertEqual(len(self.left()), 5)

    def test_a_state_that_cannot_be_read(self) -> None:
        """Nothing is removed while nobody knows what is starred."""
        (self.data_dir / "state.sqlite3").write_bytes(b"rubbish" * 999)
        self.assertIn("state", self.collect())
        self.assertEqual(len(self.left()), 6)


SETTINGS = StoreSettings(writer="test", retain_days=30, min_free=0)
