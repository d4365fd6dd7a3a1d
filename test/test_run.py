"""Tests of run.json."""

import json
import os
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.config.model import Config
from ccsproxy.run import CHECK_INTERVAL, NAME, Run, RunFileKeeper, read_run_file, remove_run_file, write_run_file


class HealthTests(SynchronousTestCase):
    """When the service says that something is wrong."""

    def status(self, index: str) -> tuple[str, str]:
        capture = {"recorder": "ready", "recorder_behind_s": 0.0, "accepted": 1}
        health = Run(Config(upstreams=()), 0.0).health(
            {**capture, "store": {"store": "ok", "index": {"state": index}}}, 0
        )
        return health["status"], health["store"]

    def test_an_index_that_lacks_records(self) -> None:
        """It is not well, while its records are kept; one that is only being built is."""
        for index in ("ok", "rebuilding"):
            self.assertEqual(self.status(index), ("ok", "ok"))
        for index in ("full", "degraded"):
            self.assertEqual(self.status(index), ("degraded", "ok"))


class RunFileTests(SynchronousTestCase):
    """What a running service says of itself."""

    def setUp(self) -> None:
        """Make a data directory."""
        self.dir = Path(self.mktemp())
        self.dir.mkdir()

    def test_is_private_and_whole(self) -> None:
        """Mode 0600 whatever the umask, no scraps beside it."""
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        write_run_file(self.dir, {"pid": os.getpid(), "proxy": ["http://127.0.0.1:1"]})
        self.assertEqual((self.dir / NAME).stat().st_mode & 0o777, 0o600)
        self.assertEqual(os.listdir(self.dir), [NAME])
        self.assertEqual(read_run_file(self.dir)["proxy"], ["http://127.0.0.1:1"])

    def test_a_dead_service_is_none(self) -> None:
        """A file left by a process that is gone, or nonsense, says nothing."""
        for content in (json.dumps({"pid": 2**22 + 7}), "{}", "nonsense", "[]"):
            (self.dir / NAME).write_text(content)
            self.assertIsNone(read_run_file(self.dir), content)

    def test_what_may_not_be_read(self) -> None:
        """Another user's file tells nothing, and is no trouble; another user's process is one that runs."""

        def refused(*given: object, **more: object) -> str:
            raise PermissionError(13, "no")

        write_run_file(self.dir, {"pid": os.getpid()})
        self.patch(os, "kill", refused)
        self.assertEqual(read_run_file(self.dir), {"pid": os.getpid()})
        self.patch(Path, "read_text", refused)
        self.assertIsNone(read_run_file(self.dir))

    def test_only_ours_is_removed(self) -> None:
        """A file of another living process stays."""
        write_run_file(self.dir, {"pid": os.getppid()})
        remove_run_file(self.dir)
        self.assertTrue((self.dir / NAME).exists())
        write_run_file(self.dir, {"pid": os.getpid()})
        remove_run_file(self.dir)
        remove_run_file(self.dir)
        self.assertFalse((self.dir / NAME).exists())


class KeeperTests(SynchronousTestCase):
    """The run file comes back after the data directory was removed, when somebody has the right to write."""

    def keeper(self, capture: str) -> None:
        self.dir, self.clock, self.written = Path(self.mktemp()), Clock(), 0
        self.watched(capture)

    def watched(self, capture: str) -> None:
        """Watch the directory from now on; what the start has written is not counted."""
        keeper = RunFileKeeper(Config(upstreams=(), data_dir=self.dir, capture=capture), self.clock, self.write)
        keeper.start()
        self.written = 0
        self.addCleanup(keeper.stop)

    def write(self) -> None:
        write_run_file(self.dir, {"pid": os.getpid()})
        self.written += 1

    def test_when_the_recorder_has_locked_the_new_directory(self) -> None:
        """Not before, lest two services believe that it is theirs; and once."""
        self.keeper("full")
        self.clock.pump([CHECK_INTERVAL] * 3)
        self.assertEqual((self.written, self.dir.exists()), (0, False))
        self.dir.mkdir(mode=0o700)
        self.clock.advance(CHECK_INTERVAL)
        self.assertEqual(self.written, 0)
        (self.dir / "lock").touch()
        self.clock.pump([CHECK_INTERVAL] * 3)
        self.assertEqual(self.written, 1)

    def test_a_file_that_alone_was_removed_stays_away(self) -> None:
        """Another service that starts at this place waits for its own, and ours would be taken for it."""
        self.dir, self.clock, self.written = Path(self.mktemp()), Clock(), 0
        self.dir.mkdir(mode=0o700)
        (self.dir / "lock").touch()
        self.watched("full")
        remove_run_file(self.dir)
        self.clock.pump([CHECK_INTERVAL] * 3)
        self.assertEqual(self.written, 0)

    def test_where_nothing_is_captured(self) -> None:
        """The directory is made for it, private."""
        self.keeper("off")
        self.clock.advance(CHECK_INTERVAL)
        self.assertEqual((self.written, self.dir.stat().st_mode & 0o777), (1, 0o700))

    def test_a_full_disk_at_the_start(self) -> None:
        """The start does not fail for it; the file is written when there is room, and nothing is left beside it."""
        self.dir, self.clock, self.written = Path(self.mktemp()), Clock(), 0
        self.dir.mkdir(mode=0o700)
        (self.dir / "lock").touch()
        opened, full = os.open, [True]

        def open_on_full_disk(path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
            descriptor = opened(path, flags, mode, **more)
            if not full or NAME not in str(path) or not flags & os.O_CREAT:
                return descriptor
            os.close(descriptor)
            return opened("/dev/full", os.O_WRONLY)

        self.patch(os, "open", open_on_full_disk)
        self.watched("full")
        self.clock.pump([CHECK_INTERVAL] * 3)
        self.assertEqual([path.name for path in self.dir.iterdir()], ["lock"])
        full.clear()
        self.clock.advance(CHECK_INTERVAL)
        self.assertEqual(sorted(path.name for path in self.dir.iterdir()), ["lock", NAME])

    def test_a_directory_that_cannot_be_written(self) -> None:
        """It is said, and tried again."""
        self.keeper("off")
        self.dir.touch()
        self.clock.pump([CHECK_INTERVAL] * 2)
        self.assertEqual((self.written, len(self.flushLoggedErrors())), (0, 0))
        self.dir.unlink()
        self.clock.advance(CHECK_INTERVAL)
        self.assertEqual(self.written, 1)
