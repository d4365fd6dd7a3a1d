"""Actors on one data dir, step by step in every order that a seeded scheduler chooses.

A step is an operation on the disk or on the state. Each action runs in a thread of its own that waits before each
step until it is chosen, so that the same seed gives the same order of steps.
"""

import random
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ccsproxy.ship.delivery.batch import BatchLimits, LineBatch
from ccsproxy.ship.delivery.source import RecordSource, TailMoved
from ccsproxy.store.backlog import Backlog
from ccsproxy.store.batch_writer import BatchWriter
from ccsproxy.store.directory import prepare
from ccsproxy.store.index.file import IndexMoved, remove_all
from ccsproxy.store.index.follower import Follower
from ccsproxy.store.index.index import Index
from ccsproxy.store.maintenance.maintenance import Maintenance
from ccsproxy.store.maintenance.retention import Retention
from ccsproxy.store.observer import NullObserver
from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.lines import SegmentLines
from ccsproxy.store.segments.log import SegmentLog
from ccsproxy.store.segments.rewrite import Change, Rewriter
from ccsproxy.store.segments.segment import Header
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.state.shipments import Position, Shipments
from ccsproxy.store.state.state import State, StateError
from test.store.records import record, started


class Scheduler:
    """Lets one of several threads take one step at a time.

    :param seed: of the choices.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._local = threading.local()
        self._turn = threading.Semaphore(0)
        self._waiting: dict[str, threading.Semaphore] = {}
        self.failed: list[BaseException] = []

    def step(self) -> None:
        """Wait until this thread is chosen; threads that are not run by the scheduler do not wait."""
        mine = getattr(self._local, "mine", None)
        if mine is not None:
            self._turn.release()
            mine.acquire()

    def run(self, actions: dict[str, Callable[[], None]]) -> None:
        """Run actions to their ends."""
        for name, action in actions.items():
            self._waiting[name] = threading.Semaphore(0)
            threading.Thread(target=self._act, args=(name, action), daemon=True).start()
        while self._waiting:
            name = self._random.choice(sorted(self._waiting))
            self._waiting[name].release()
            if not self._turn.acquire(timeout=20):
                raise AssertionError(f"{name} does not go on")
        if self.failed:
            raise self.failed[0]

    def _act(self, name: str, action: Callable[[], None]) -> None:
        self._local.mine = mine = self._waiting[name]
        mine.acquire()
        try:
            action()
        except BaseException as error:
            self.failed.append(error)
        finally:
            del self._waiting[name]
            self._turn.release()


class SteppedDisk(Files):
    """The real disk, one operation a step."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._step = scheduler.step

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        if name.startswith("_") or name in ("read", "size", "close", "is_linked"):
            return found

        def stepped(*args: Any) -> Any:
            self._step()
            return found(*args)

        return stepped


class SteppedLines(SegmentLines):
    """Reads segments with a step before each listing and each question about a file."""

    def __init__(self, data_dir: Path, files: Any) -> None:
        super().__init__(data_dir, files)
        self._step = files._step

    def names(self) -> list[str]:
        self._step()
        return super().names()

    def closed(self, name: str) -> bool:
        self._step()
        return super().closed(name)

    def plain_size(self, name: str) -> int | None:
        self._step()
        return super().plain_size(name)


class Actors:
    """A writer, the care of its segments, and commands, on one data dir."""

    def __init__(self, data_dir: Path, seed: int, **settings: Any) -> None:
        prepare(data_dir)
        self.data_dir, self.scheduler, self.count = data_dir, Scheduler(seed), 0
        self.settings = StoreSettings(rotate_size=2500, rotate_every=0.0, min_free=0, sync="record", **settings)
        disk = self.disk = SteppedDisk(self.scheduler)
        self.backlog = Backlog(1 << 20, 1000)
        self.log = SegmentLog(disk, data_dir, self.settings, lambda: 1000.0, random=_random)
        self.writer = BatchWriter(disk, data_dir, self.backlog, self.log, NullObserver(), lambda: 0.0)
        self.state = State(data_dir)
        rewriter = self.rewriter = Rewriter(disk, data_dir, _header, lambda: 1000.0, _random)
        retention = Retention(disk, data_dir, rewriter, self.state, NullObserver())
        self.maintenance = Maintenance(disk, data_dir, self.settings, retention, self.state, NullObserver(),
                                       lambda: self.log.writing, lambda: 1000.0)  # fmt: skip
        self.acked: dict[str, str] = {}
        self.shipped: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[tuple[set[str], bool]] = []

    def write(self, *sessions: str) -> None:
        """Store an exchange of each session, one after the other."""
        for session in sessions:
            self.count += 1
            number = self.count
            self.backlog.offer(started(number, session))
            body = {"messages": [{"role": "user", "content": f"said {number}"}]}
            self.backlog.offer(record(number, session, body), partial(self._taken, f"id{number}", session))
            self.writer.turn()

    def _taken(self, id_: str, session: str, _: Any) -> None:
        self.acked[id_] = session

    def rotate(self) -> None:
        """Close the segment that is written."""
        self.log.rotate()

    def forget(self, session: str) -> None:
        """Remove a session from what is closed by now."""
        self.maintenance.forget(session)

    def change(self, change: Change) -> None:
        """Change lines of all closed segments, as ``scan --rewrite`` does."""
        for name, _ in self.maintenance._closed():
            self.rewriter.rewrite(name, lambda head: True, change)

    def keep(self, *sessions: str) -> None:
        """Star sessions, as another process does."""
        other = self._other_state()
        for session in sessions:
            self._when_free(partial(other.star, [session]))
        other.close()

    def ship(self, rounds: int = 40) -> None:
        """Ship to a target as a pump does, until there is nothing left, or so many times."""
        state = self._other_state()
        shipments = Shipments(state)
        source = RecordSource(self.data_dir, "host", files=self.disk)
        self._when_free(lambda: shipments.begin("target", Position()))
        for _ in range(rounds):
            shipment = self._when_free(lambda: shipments.get("target"))
            try:
                batch = source.next(shipment, BatchLimits(rows=2, size=1 << 20), True, False)
            except TailMoved as moved:
                self._when_free(partial(shipments.return_to, "target", Position(moved.args[0])))
                continue
            if batch is None:
                self.scheduler.step()
                continue
            assert isinstance(batch, LineBatch)
            place = shipment.position if batch.segment == shipment.position.segment else Position(batch.segment)
            self._when_free(partial(shipments.plan, "target", place, batch.end))
            self.shipped += [(line.head.id, line.whole()) for line in batch.lines]
            self._when_free(partial(shipments.move, "target", batch.after, len(batch.lines)))
        state.close()

    def follow(self, rounds: int = 3) -> None:
        """Follow the segments for the index, as a feeder does."""
        index = Index(self.data_dir)
        for _ in range(rounds):
            self.scheduler.step()
            try:
                Follower(index, SteppedLines(self.data_dir, self.disk), go_on=self._goes_on).catch_up()
            except IndexMoved:
                index = Index(self.data_dir)
        index.close()

    def rebuild(self) -> None:
        """Make the index anew, as ``reindex`` does."""
        remove_all(self.data_dir)
        self.scheduler.step()
        self.follow(2)

    def search(self, word: str, times: int) -> None:
        """Search as readers do, and note each answer with whether it was said to be incomplete."""
        reader = Reader(self.data_dir)
        reader._lines = SteppedLines(self.data_dir, self.disk)
        for _ in range(times):
            self.scheduler.step()
            page = reader.search(word)
            self.answers.append(({row["id"] for row in page.items}, page.rebuilding))
        reader.close()

    def _goes_on(self) -> bool:
        self.scheduler.step()
        return True

    def _other_state(self) -> State:
        """Open the state as another process does, which must not wait while this scheduler does."""
        other = State(self.data_dir)
        other._run(lambda connection: connection.execute("PRAGMA busy_timeout = 0"))
        return other

    def _when_free(self, work: Callable[[], Any]) -> Any:
        """Do something with the state when nobody holds it."""
        while True:
            self.scheduler.step()
            try:
                return work()
            except StateError as reason:
                assert "locked" in str(reason), reason


def _header(name: str) -> Header:
    return Header(segment=name, created_at="", writer="test", redacted=True, run="")


_numbers = iter(range(1 << 30))


def _random(length: int) -> bytes:
    return (next(_numbers) * 2654435761 % (1 << 32)).to_bytes(length, "big")
