"""The wall clock steps at every phase of the store's work: nothing is lost, removed, delayed or given twice."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.backlog import Backlog
from ccsproxy.store.batch_writer import BatchWriter
from ccsproxy.store.directory import prepare
from ccsproxy.store.index.follower import bring_up
from ccsproxy.store.maintenance.maintenance import Maintenance
from ccsproxy.store.maintenance.recovery import recover
from ccsproxy.store.maintenance.retention import Retention
from ccsproxy.store.observer import NullObserver
from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.log import SegmentLog
from ccsproxy.store.segments.rewrite import Rewriter
from ccsproxy.store.segments.segment import Header, list_segments, plain_path
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.state.state import State
from test.store.disks import scratch
from test.store.records import record, started, stored, stored_ids

#: A correction backwards, one forwards, and a laptop that comes out of the cupboard with retention of 30 days.
STEPS = (-3600.0, 3600.0, 40 * 86400.0)


class Life:
    """What a store does between its start and its end, one phase after the other.

    :ivar wall: the clock that steps.
    :ivar passed: the monotonic clock, which never does.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir, self.wall, self.passed, self.number = data_dir, 1_790_000_000.0, 0.0, 0
        self.acked: set[str] = set()
        self.recovered: list[Any] = []
        self.settings = StoreSettings(min_free=0, rotate_every=60.0, rotate_size=1 << 20, retain_days=30.0)
        self.newest = ""

    def open(self) -> None:
        """Recover, and begin to write behind what there is."""
        prepare(self.data_dir)
        self.recovered.append(recover(Files(), self.data_dir, (), self.wall))
        self.newest = max((name for name, _ in list_segments(self.data_dir)), default="")
        backlog = self.backlog = Backlog(1 << 20, 1000)
        self.log = SegmentLog(
            Files(), self.data_dir, self.settings, lambda: self.wall, self.newest, random=_random,
            monotonic=lambda: self.passed,
        )  # fmt: skip
        self.writer = BatchWriter(Files(), self.data_dir, backlog, self.log, NullObserver(), lambda: self.passed)
        self.state = State(self.data_dir)
        rewriter = Rewriter(Files(), self.data_dir, _header, lambda: self.wall, _random)
        retention = Retention(Files(), self.data_dir, rewriter, self.state, NullObserver())
        self.care = Maintenance(
            Files(), self.data_dir, self.settings, retention, self.state, NullObserver(), lambda: self.log.writing,
            lambda: self.wall, newest=self.newest,
        )  # fmt: skip

    def write(self) -> None:
        """Store two exchanges of a session."""
        for _ in range(2):
            self.number += 1
            id_ = f"id{self.number}"
            self.backlog.offer(started(self.number, "s"))
            self.backlog.offer(record(self.number, "s"), partial(self._taken, id_))
            self.writer.turn()

    def _taken(self, id_: str, _: Any) -> None:
        self.acked.add(id_)

    def sync(self) -> None:
        """Let a second pass, after which everything is on the disk."""
        self.passed += 1.1
        self.writer.turn()
        assert self.log._current is None or self.log._current.synced == self.log._current.size

    def rotate(self) -> None:
        """Let the age of a segment pass, after which another is begun."""
        self.passed += 61.0
        self.writer.turn()
        assert self.log.active == ""

    def upkeep(self) -> None:
        """Compress, and remove what retention does not keep."""
        self.care.round()
        assert self.care.trouble == "", self.care.trouble

    def close(self) -> None:
        """End in order."""
        self.writer.finish()
        self.state.close()

    def phases(self) -> list[Callable[[], None]]:
        """Return a life and the one after it."""
        one = [self.open, self.write, self.sync, self.write, self.rotate, self.upkeep, self.write, self.upkeep]
        return [*one, self.close, *one, self.close]


def _header(name: str) -> Header:
    return Header(segment=name, created_at="", writer="test", redacted=True, run="")


_numbers = iter(range(1 << 30))


def _random(length: int) -> bytes:
    return (next(_numbers) * 2654435761 % (1 << 32)).to_bytes(length, "big")


class ClockStepTests(SynchronousTestCase):
    """Steps back and forth, at every phase and at two of them."""

    def live(self, steps: dict[int, float]) -> Life:
        """Live with steps of the wall clock before some phases."""
        life = Life(scratch(self) / "data")
        for number, phase in enumerate(life.phases()):
            life.wall += steps.get(number, 0.0)
            phase()
        self.assertEqual(len(life.acked), life.number, steps)
        self.assertEqual(dict.fromkeys(life.acked, 1), dict(stored_ids(life.data_dir)), steps)
        self.assertEqual([(found.torn, found.unclean) for found in life.recovered], [(0, [])] * 2, steps)
        numbers = [each["seq"] for each in stored(life.data_dir)]
        self.assertEqual(numbers, sorted(numbers), f"segments are not in the order in which they were begun: {steps}")
        return life

    def test_every_phase(self) -> None:
        """One step, wherever it comes."""
        phases = len(Life(Path()).phases())
        for step in STEPS:
            for phase in range(phases):
                self.live({phase: step})

    def test_there_and_back(self) -> None:
        """A step that is taken back some phases later."""
        for step in STEPS:
            for phase in range(0, 14, 3):
                self.live({phase: step, phase + 3: -step})

    def test_the_index(self) -> None:
        """It lists all, in the order of what the records say."""
        life = self.live({3: -3600.0, 7: 40 * 86400.0})
        bring_up(life.data_dir)
        reader = Reader(life.data_dir)
        self.addCleanup(reader.close)
        self.assertEqual(len(reader.requests().items), life.number)
        self.assertTrue(all(not plain_path(life.data_dir, name).exists() for name, packed in
                            list_segments(life.data_dir)[:-1] if packed))  # fmt: skip
