"""A disk that is full or sick below the index's database, at every call: the index is behind, and says so."""

import errno
import os
import sqlite3
import time
from types import SimpleNamespace
from typing import Any
from unittest import SkipTest

from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.index import feeder as feeder_module
from ccsproxy.store.index import file as file_module
from ccsproxy.store.index import room as room_module
from ccsproxy.store.index.feeder import IndexFeeder
from ccsproxy.store.index.room import IndexRoom, disk_is_full
from ccsproxy.store.index.schema import NAME
from test.effort import THOROUGH
from test.store.corpus import Corpus, Segments, Shape
from test.store.disks import scratch
from test.store.rows import rows
from test.store.sqlite_faults import TROUBLES, WRITES, SqliteFaults, why_not

#: At which of the calls something fails: the first ones, and then fewer and fewer.
NUMBERS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233) if THOROUGH else (1, 2, 7, 30, 100)


class SickDiskTests(SynchronousTestCase):
    """A feeder whose database fails, while records come; the disk gets well, and everything is indexed."""

    def setUp(self) -> None:
        if reason := why_not():
            raise SkipTest(reason)
        for module, name, seconds in (
            (feeder_module, "RETRY_S", 0.01),
            (feeder_module, "BATCH_S", 0.01),
            (feeder_module, "LOOK_S", 0.05),
            (room_module, "FIRST_PAUSE_S", 0.02),
        ):
            self.patch(module, name, seconds)
        self.faults = SqliteFaults()
        self.logged: list[Any] = []
        globalLogPublisher.addObserver(self.logged.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.logged.append)

    def follow(self, code: int, calls: tuple[str, ...], number: int, times: int) -> tuple[Any, int]:
        """Follow two bursts of records; the disk fails in the second, or when the index is opened again before it.

        :return: what the index says in the end, and how many calls failed.
        """
        data_dir = scratch(self) / "data"
        segments = Segments(data_dir, rotate_size=16_000)
        corpus = Corpus(Shape(turns=4, system_words=20, turn_words=10))
        segments.fill(6, corpus)
        feeder = IndexFeeder(data_dir)
        feeder.start()
        self.assertTrue(feeder.caught_up(20))
        if calls and calls[0] in ("read", "open"):
            feeder.stop()
            feeder = IndexFeeder(data_dir)
            self.faults.fail(calls, number, code, times)
            segments.fill(6, corpus)
            feeder.start()
        else:
            self.faults.fail(calls, number, code, times)
            segments.fill(6, corpus)
            feeder.changed()
        feeder.caught_up(0.1 if times < 0 else 20)
        failed = self.faults.failed
        self.faults.heal()
        deadline = time.monotonic() + 20
        while not (feeder.caught_up(0.05) and feeder.state()["state"] == "ok" and not feeder.state()["trouble"]):
            self.assertLess(time.monotonic(), deadline, feeder.state())
        feeder.stop()
        return rows(data_dir), failed

    def test_every_call(self) -> None:
        """Nothing is missing in the end, and the log has sentences, no tracebacks."""
        with self.faults.installed():
            expected, _ = self.follow(0, (), 1, 1)
            for code, calls in TROUBLES:
                for times in (1, -1):
                    for number in NUMBERS:
                        self.logged.clear()
                        found, failed = self.follow(code, calls, number, times)
                        what = (errno.errorcode[code], calls, number, times)
                        self.assertEqual(found, expected, what)
                        self.assertEqual([each for each in self.logged if "log_failure" in each], [], what)
                        self.assertLess(len(self.logged), 4, what)
                        if not failed:
                            break
                    self.assertGreater(number, 2, what)

    def test_what_is_said(self) -> None:
        """A full disk is one sentence, a degraded state, a count, and no index beside the records."""
        data_dir = scratch(self) / "data"
        segments = Segments(data_dir)
        segments.fill(4)
        feeder = IndexFeeder(data_dir)
        with self.faults.installed():
            feeder.start()
            self.assertTrue(feeder.caught_up(20))
            self.faults.fail(WRITES, 1, errno.ENOSPC, -1)
            segments.fill(4)
            feeder.changed()
            deadline = time.monotonic() + 20
            while feeder.state()["failures"] < 3:
                feeder.caught_up(0.05)
                self.assertLess(time.monotonic(), deadline, feeder.state())
            state = feeder.state()
            self.assertIn("database or disk is full", state["trouble"])
            self.assertEqual(state["state"], "full")
            errors = [each for each in self.logged if each["log_level"].name == "error"]
            self.assertEqual(len(errors), 1)
            self.faults.heal()
            while feeder.state()["state"] != "ok":
                feeder.caught_up(1)
                self.assertLess(time.monotonic(), deadline, feeder.state())
            self.assertEqual(feeder.state()["trouble"], "")
            feeder.stop()

    def test_what_cannot_be_removed(self) -> None:
        """A broken index that a read-only disk does not let go is said, and replaced when it does."""
        data_dir = scratch(self) / "data"
        Segments(data_dir).fill(4)
        (data_dir / NAME).write_bytes(b"no database" * 1000)
        refusing = [True]

        def truncate(path: Any, length: int) -> None:
            if refusing:
                raise OSError(errno.EROFS, "Read-only file system", str(path))
            os.unlink(path)

        self.patch(file_module, "os", SimpleNamespace(**{**vars(os), "truncate": truncate}))
        feeder = IndexFeeder(data_dir)
        feeder.start()
        feeder.caught_up(0.2)
        self.assertIn("Read-only", feeder.state()["trouble"])
        refusing.clear()
        self.assertTrue(feeder.caught_up(20))
        feeder.stop()
        self.assertEqual(feeder.state()["trouble"], "")
        self.assertEqual(len(rows(data_dir)["requests"]), 4)


class RoomTests(SynchronousTestCase):
    """When an index is given up, and when it is tried again."""

    def test_pauses_grow(self) -> None:
        """After a refusal the file system is not believed at once; what was written ends the doubts."""
        now = [100.0]
        room = IndexRoom(scratch(self), lambda: now[0])
        self.assertTrue(room.is_there())
        for pause in (2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0):
            room.give_up(refused=True)
            now[0] += pause - 0.1
            self.assertFalse(room.is_there(), pause)
            now[0] += 0.1
            self.assertTrue(room.is_there(), pause)
        room.taken()
        room.give_up(refused=True)
        now[0] += 2.0
        self.assertTrue(room.is_there())

    def test_the_index_goes(self) -> None:
        """Its file, and what SQLite has beside it."""
        data_dir = scratch(self)
        for suffix in ("", "-wal", "-shm"):
            (data_dir / (NAME + suffix)).write_bytes(b"x" * 100)
        room = IndexRoom(data_dir, lambda: 0.0)
        room.give_up()
        self.assertTrue(room.given_up)
        self.assertEqual(list(data_dir.iterdir()), [])

    def test_what_full_means(self) -> None:
        """No room, for all or for this user; not a file system that is read-only, nor a busy database."""
        full = sqlite3.OperationalError("database or disk is full")
        full.sqlite_errorname = "SQLITE_FULL"
        self.assertTrue(disk_is_full(full))
        for code, answer in ((errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EROFS, False), (errno.EIO, False)):
            self.assertEqual(disk_is_full(OSError(code, "")), answer)
        self.assertFalse(disk_is_full(sqlite3.OperationalError("database is locked")))
