"""What a crash may leave of a rotation, a compression, a retention and a removal: recovery from each image."""

import errno
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.backlog import Backlog
from ccsproxy.store.batch_writer import BatchWriter
from ccsproxy.store.directory import prepare
from ccsproxy.store.maintenance.maintenance import Maintenance
from ccsproxy.store.maintenance.recovery import recover
from ccsproxy.store.maintenance.retention import Retention
from ccsproxy.store.observer import NullObserver
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.log import SegmentLog
from ccsproxy.store.segments.rewrite import Rewriter
from ccsproxy.store.segments.segment import Header, list_segments, segments_dir
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.state.state import State, mark_key
from test.store.disks import OPERATIONS, FailingDisk, Image, RememberingDisk, scratch
from test.store.records import record, started, stored_ids


class MarkingDisk(RememberingDisk):
    """Remembers beside each image how far the state knew the numbers of removed sessions to have gone."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self.marks: list[dict[str, int]] = []
        self._state = state

    def _remember(self, operation: str) -> None:
        super()._remember(operation)
        self.marks += [self._state.marks()] * (len(self.images) - len(self.marks))


class Life:
    """A store's life on one thread, on a disk that remembers."""

    def __init__(self, data_dir: Path, **settings: object) -> None:
        prepare(data_dir)
        self.data_dir = data_dir
        self.state = State(data_dir)
        self.disk = MarkingDisk(State(data_dir))  # of its own: removals hold the other one
        self.now = 1000.0
        self.settings = StoreSettings(sync="record", rotate_every=0.0, min_free=0, **settings)  # type: ignore[arg-type]
        self.backlog = Backlog(1 << 20, 1000)
        self.log = SegmentLog(self.disk, data_dir, self.settings, self._time, monotonic=self._time)
        self.batch_writer = BatchWriter(self.disk, data_dir, self.backlog, self.log, NullObserver(), self._time)
        rewriter = Rewriter(self.disk, data_dir, _header, self._time, _random)
        self.retention = Retention(self.disk, data_dir, rewriter, self.state, NullObserver())
        self.maintenance = Maintenance(
            self.disk,
            data_dir,
            self.settings,
            self.retention,
            self.state,
            NullObserver(),
            lambda: self.log.writing,
            self._time,
        )

    def exchange(self, number: int, session: str) -> None:
        self.backlog.offer(started(number, session))
        self.backlog.offer(record(number, session), lambda _: self._acknowledged(number))
        self.now += 1.0
        self.batch_writer.turn()

    def _acknowledged(self, number: int) -> None:
        self.disk.mark = number

    def _time(self) -> float:
        return self.now


def _header(name: str) -> Header:
    return Header(segment=name, created_at="", writer="test", redacted=True, run="")


_count = iter(range(1 << 20))


def _random(length: int) -> bytes:
    return next(_count).to_bytes(length, "big")


class CrashTests(SynchronousTestCase):
    """Whatever the order in which the disk took things, nothing acknowledged is lost and nothing is there twice."""

    def each_image(self, life: Life) -> list[tuple[Image, Path]]:
        parent = scratch(self)
        found = []
        for number, image in enumerate(life.disk.images):
            data_dir = parent / str(number)
            image.restore(life.data_dir, data_dir)
            found.append((image, data_dir))
        return found

    def test_writing_rotating_and_compressing(self) -> None:
        """Every acknowledged record is there once, also when the second start crashes like the first."""
        life = Life(scratch(self), rotate_size=2500)
        for number in range(1, 9):
            life.exchange(number, "a" if number % 2 else "b")
            life.maintenance.round()
        self.assertGreater(len(life.disk.images), 60)
        self.assertIn("rename to", " ".join(image.operation for image in life.disk.images))
        for image, data_dir in self.each_image(life):
            for _ in range(2):
                result = recover(Files(), data_dir, (), 0.0)
                self.assertEqual(result.problems, [], image)
                ids = stored_ids(data_dir)
                self.assertLessEqual({f"id{number}" for number in range(1, image.mark + 1)}, set(ids), image)
                self.assertLessEqual(set(ids.values()), {1}, image)
                self.assertGreaterEqual(max([0, *result.marks.values()]), image.mark, image)
            self.assertEqual(result.sealed + result.tidied + result.torn, 0, image)

    def test_retention_with_starred_sessions(self) -> None:
        """Records of starred sessions are there once in every image; the others may be gone, never twice."""
        life = Life(scratch(self), rotate_size=4000, retain_size=1, compress="none")
        for number in range(1, 10):
            life.exchange(number, "a" if number % 2 else "b")
        life.state.star(["a"])
        life.maintenance.round()
        life.maintenance.round()
        for (image, data_dir), marks in zip(self.each_image(life), life.disk.marks, strict=True):
            result = recover(Files(), data_dir, (), 0.0)
            self.assertEqual(result.problems, [], image)
            ids = stored_ids(data_dir)
            self.assertLessEqual({f"id{number}" for number in range(1, image.mark + 1, 2)}, set(ids), image)
            self.assertLessEqual(set(ids.values()), {1}, image)
            self.assertTrue(all(begun.seq > image.mark for begun in result.unclean), image)
            last = max(result.marks.get("b", 0), marks.get(mark_key("b"), 0))
            self.assertGreaterEqual(last, image.mark - image.mark % 2, image)

    def test_removing_a_session(self) -> None:
        """The other sessions are there once in every image; at the end the removed one is nowhere."""
        life = Life(scratch(self), rotate_size=4000)
        for number in range(1, 10):
            life.exchange(number, "secret" if number % 2 else "b")
            life.maintenance.round()
        life.log.rotate()
        before = len(life.disk.images)
        life.maintenance.forget("secret")
        for image, data_dir in self.each_image(life)[before:]:
            recover(Files(), data_dir, (), 0.0)
            ids = stored_ids(data_dir)
            self.assertLessEqual({f"id{number}" for number in range(2, 10, 2)}, set(ids), image)
            self.assertLessEqual(set(ids.values()), {1}, image)
        self.assertEqual(set(stored_ids(life.data_dir)), {f"id{number}" for number in range(2, 10, 2)})
        for path in life.data_dir.rglob("*"):
            self.assertNotIn(b"secret", path.read_bytes() if path.is_file() else b"")
        self.assertEqual(life.state.marks(), {mark_key("secret"): 9})


class UpkeepFailureTests(SynchronousTestCase):
    """The care of segments fails at any operation, and the next round completes it."""

    def test_every_operation_may_fail_once(self) -> None:
        """No record is lost or doubled whichever operation of compression, retention and removal fails."""
        for first in range(1, 41):
            life = Life(scratch(self), rotate_size=2500)
            for number in range(1, 9):
                life.exchange(number, "a" if number % 2 else "b")
            sick = FailingDisk(OPERATIONS, first, 1, errno.EIO)
            rewriter = Rewriter(sick, life.data_dir, _header, lambda: 0.0, _random)
            retention = Retention(sick, life.data_dir, rewriter, life.state, NullObserver())
            arguments = (life.state, NullObserver(), lambda log=life.log: log.writing, lambda: 0.0)
            maintenance = Maintenance(sick, life.data_dir, life.settings, retention, *arguments)
            maintenance.round()
            self.assertEqual(stored_ids(life.data_dir), {f"id{number}": 1 for number in range(1, 9)}, first)
            maintenance.round()
            self.assertEqual(maintenance.trouble, "")
            plain = [name for name, packed in list_segments(life.data_dir) if not packed]
            self.assertEqual("".join(plain), life.log.active)
            self.assertEqual(list(segments_dir(life.data_dir).glob("*.tmp")), [])
