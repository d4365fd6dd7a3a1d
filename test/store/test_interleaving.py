"""Two and more actions at once, step by step in every order that a seeded scheduler chooses.

A step is an operation on the disk or on the state. Each action runs in a thread of its own that waits before each
step until it is chosen, so that the same seed gives the same order of steps.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.backlog import Backlog
from ccsproxy.store.batch_writer import BatchWriter
from ccsproxy.store.directory import DataDirBusy, Lock, prepare
from ccsproxy.store.maintenance.maintenance import Maintenance
from ccsproxy.store.maintenance.offline import OfflineStore
from ccsproxy.store.maintenance.recovery import recover
from ccsproxy.store.maintenance.retention import Retention
from ccsproxy.store.observer import NullObserver
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.log import SegmentLog
from ccsproxy.store.segments.rewrite import Rewriter
from ccsproxy.store.segments.segment import Header
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.state.state import State, StateError, mark_key
from test.store.disks import scratch
from test.store.records import record, started, stored, stored_ids


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


class Actors:
    """A writer, the care of its segments, and commands, on one data dir."""

    def __init__(self, data_dir: Path, seed: int, **settings: Any) -> None:
        prepare(data_dir)
        self.data_dir, self.scheduler, self.count = data_dir, Scheduler(seed), 0
        self.settings = StoreSettings(rotate_size=2500, rotate_every=0.0, min_free=0, sync="record", **settings)
        disk = SteppedDisk(self.scheduler)
        self.backlog = Backlog(1 << 20, 1000)
        self.log = SegmentLog(disk, data_dir, self.settings, lambda: 1000.0, random=_random)
        self.writer = BatchWriter(disk, data_dir, self.backlog, self.log, NullObserver(), lambda: 0.0)
        self.state = State(data_dir)
        rewriter = Rewriter(disk, data_dir, _header, lambda: 1000.0, _random)
        retention = Retention(disk, data_dir, rewriter, self.state, NullObserver())
        self.maintenance = Maintenance(disk, data_dir, self.settings, retention, self.state, NullObserver(),
                                       lambda: self.log.writing, lambda: 1000.0)  # fmt: skip
        self.acked: dict[str, str] = {}

    def write(self, *sessions: str) -> None:
        """Store an exchange of each session, one after the other."""
        for session in sessions:
            self.count += 1
            number = self.count
            self.backlog.offer(started(number, session))
            self.backlog.offer(record(number, session), partial(self._taken, f"id{number}", session))
            self.writer.turn()

    def _taken(self, id_: str, session: str, _: Any) -> None:
        self.acked[id_] = session

    def rotate(self) -> None:
        """Close the segment that is written."""
        self.log.rotate()

    def forget(self, session: str) -> None:
        """Remove a session from what is closed by now."""
        self.maintenance.forget(session)

    def keep(self, *sessions: str) -> None:
        """Star sessions, as another process does."""
        other = State(self.data_dir)
        other._run(lambda connection: connection.execute("PRAGMA busy_timeout = 0"))
        for session in sessions:
            while not self._star(other, session):
                pass
        other.close()

    def _star(self, other: State, session: str) -> bool:
        """Set a star, unless another holds the state at this step."""
        self.scheduler.step()
        try:
            other.star([session])
        except StateError as reason:
            assert "locked" in str(reason), reason
            return False
        return True


def _header(name: str) -> Header:
    return Header(segment=name, created_at="", writer="test", redacted=True, run="")


_numbers = iter(range(1 << 30))


def _random(length: int) -> bytes:
    return (next(_numbers) * 2654435761 % (1 << 32)).to_bytes(length, "big")


class InterleavingTests(SynchronousTestCase):
    """Whatever the order of steps, nothing is lost, nothing is there twice, and what was removed is gone."""

    seeds = range(60)

    def each(self, actions: Callable[[Actors], dict[str, Callable[[], None]]], **settings: Any) -> Any:
        for seed in self.seeds:
            actors = Actors(scratch(self), seed, **settings)
            actors.write("a", "b", "c", "a", "b")
            actors.scheduler.run(actions(actors))
            self.assertEqual(actors.maintenance.trouble, "", seed)
            yield seed, actors
            actors.state.close()

    def check(self, seed: int, actors: Actors, *gone: str) -> None:
        """See that exactly what was stored of the other sessions is there, now and after a restart."""
        wanted = Counter(each for each, session in actors.acked.items() if session not in gone)
        for _ in range(2):
            found = Counter({each: count for each, count in stored_ids(actors.data_dir).items()
                             if actors.acked[each] not in gone})  # fmt: skip
            self.assertEqual(found, wanted, seed)
            result = recover(Files(), actors.data_dir, (), 1000.0)
            self.assertEqual((result.problems, result.unclean), ([], []), seed)

    def test_rm_and_rm_while_it_is_written(self) -> None:
        """Two removals, the care of the segments and the writer; a last removal finds what was written meanwhile."""
        for seed, actors in self.each(lambda actors: {
            "writer": lambda: actors.write("c", "a", "b", "c", "a", "c"),
            "care": lambda: (actors.maintenance.round(), actors.forget("a"), actors.forget("b")),
        }):  # fmt: skip
            self.check(seed, actors, "a", "b")
            actors.rotate()
            actors.forget("a")
            actors.forget("b")
            self.assertEqual({each["session_id"] for each in stored(actors.data_dir)}, {"c"}, seed)
            self.assertEqual(set(actors.state.marks()), {mark_key("a"), mark_key("b")}, seed)

    def test_rm_and_rotate(self) -> None:
        """A segment that is closed while a removal looks for it is removed from, or the next removal finds it."""
        for seed, actors in self.each(lambda actors: {
            "writer": lambda: (actors.rotate(), actors.write("b", "a"), actors.rotate(), actors.write("c")),
            "care": lambda: actors.forget("a"),
        }):  # fmt: skip
            self.check(seed, actors, "a")
            actors.rotate()
            actors.forget("a")
            self.assertNotIn("a", {each["session_id"] for each in stored(actors.data_dir)})

    def test_keep_and_retain(self) -> None:
        """A session whose star was set is kept from then on; what went before went before the command said so."""
        kept_at: list[int] = []

        def actions(actors: Actors) -> dict[str, Callable[[], None]]:
            actors.rotate()
            kept_at.clear()

            def keep() -> None:
                actors.keep("a")
                kept_at.append(sum(each["session_id"] == "a" for each in stored(actors.data_dir)))

            return {
                "keep": keep,
                "care": lambda: actors.maintenance.round(),
                "writer": lambda: actors.write("b", "b"),
            }

        outcomes = set()
        for seed, actors in self.each(actions, retain_size=1):
            actors.rotate()
            actors.maintenance.round()
            left = [each["session_id"] for each in stored(actors.data_dir)]
            self.assertEqual(left, ["a"] * kept_at[0], seed)
            outcomes.add(kept_at[0])
        self.assertTrue({0, 2} <= outcomes, outcomes)

    def test_keep_and_keep(self) -> None:
        """Stars set and taken off by several programs at once are what each of them said."""
        for seed, actors in self.each(lambda actors: {
            "one": lambda: actors.keep("a", "x1", "x2"),
            "two": lambda: actors.keep("b", "y1", "y2"),
        }):  # fmt: skip
            self.assertEqual(actors.state.stars(), {"a", "b", "x1", "x2", "y1", "y2"}, seed)

    def test_import_and_record(self) -> None:
        """Nothing is imported into a data dir that a service writes, nor does a service begin while it is."""
        data_dir = scratch(self) / "data"
        prepare(data_dir)
        lock = Lock(data_dir)
        self.assertRaises(DataDirBusy, OfflineStore, data_dir, StoreSettings())
        lock.release()
        with OfflineStore(data_dir, StoreSettings()):
            self.assertRaises(DataDirBusy, Lock, data_dir)
        Lock(data_dir).release()
