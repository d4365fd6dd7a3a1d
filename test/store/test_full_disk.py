"""A disk without room below the whole store: records wait, requests are answered later, and nothing is lost."""

import errno
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.task import deferLater
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SkipTest, SynchronousTestCase, TestCase

from ccsproxy.capture.main import IndexedStore
from ccsproxy.providers.price_book import PriceBook
from ccsproxy.store.control import RETRY, ControlReply
from ccsproxy.store.index import feeder as feeder_module
from ccsproxy.store.index import room as room_module
from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.state.state import StateError
from test.store import test_control
from test.store.disks import OPERATIONS, FailingDisk
from test.store.records import record, started, stored_ids
from test.store.sqlite_faults import WRITES, SqliteFaults, why_not


class SickStateTests(SynchronousTestCase):
    """A state that cannot be written when a request has been served."""

    def setUp(self) -> None:
        self.serving = test_control.ServingTests("test_each")
        self.serving.setUp()
        self.addCleanup(self.serving.doCleanups)
        self.refusals = 0
        answer = self.serving.state.answer

        def refusing(job: int, reply: bytes, done: bool) -> None:
            if self.refusals:
                self.refusals -= 1
                raise StateError("The disk is full.")
            answer(job, reply, done)

        self.patch(self.serving.state, "answer", refusing)

    def test_it_is_answered_when_it_can_be(self) -> None:
        """A collection was done; the command hears of it as soon as there is room for the answer."""
        self.refusals = 3
        self.assertEqual(self.serving.serve(b'{"do":"collect"}')[0], "taken")
        for _ in range(3):
            self.serving.clock.advance(RETRY)
        self.assertEqual(self.serving.reply(), ("done", ControlReply()))

    def test_an_old_trouble_does_not_come_last(self) -> None:
        """What was in the way at first, and could not be written then, is not written over the end."""
        self.serving.store.fails, self.refusals = ["a"], 1
        self.serving.serve(b'{"do":"forget","sessions":["a"]}')
        for _ in range(4):
            self.serving.clock.advance(RETRY)
        self.assertEqual(self.serving.reply(), ("done", ControlReply([2])))


class FullDiskTests(TestCase):
    """Records, index, state and requests, while nothing can be written."""

    timeout = 60

    async def until(self, condition: Any) -> None:
        while not condition():
            await deferLater(reactor, 0.02, lambda: None)

    async def live_through(self, code: int) -> None:
        """Store records before, while and after the disk refuses everything."""
        data_dir = Path(self.mktemp()).absolute()
        disk, faults = FailingDisk(OPERATIONS, 1, 0, code), SqliteFaults()
        store = IndexedStore(data_dir, StoreSettings(min_free=0), reactor, PriceBook())
        store._files = disk
        with faults.installed():
            await store.open({})
            self.addCleanup(store.close)
            first = [store.append(record(number)) for number in range(1, 6)]
            await gatherResults(first)
            await self.until(lambda: store.health()["index"]["taken"] >= 5)
            disk.left = -1
            faults.fail(WRITES, 1, code, -1)
            store.started(started(6))
            waiting = [store.append(record(number)) for number in range(6, 26)]
            collected = store.collect(StoreSettings(retain_size=1))
            await self.until(lambda: store.health()["store"] == "degraded" and store.health()["write_failures"])
            await deferLater(reactor, 0.3, lambda: None)
            health = store.health()
            self.assertIn(health["trouble"], ("No space left on device", "Disk quota exceeded", "Input/output error",
                                              "Read-only file system"))  # fmt: skip
            self.assertEqual((health["stored"], health["queued"], health["dropped"]["disk"]), (5, 20, 0))
            disk.left = 0
            faults.heal()
            await gatherResults(waiting)
            await collected
            self.assertEqual(len(stored_ids(data_dir)), 25)
            await self.until(lambda: store.health()["index"]["state"] == "ok")
            reader = Reader(data_dir)
            await self.until(lambda: len(reader.requests().items) == 25)
            reader.close()
            self.assertEqual((store.health()["store"], store.health()["trouble"]), ("ok", ""))
            await store.close()

    async def test_every_kind(self) -> None:
        """No room, no quota, a sick and a read-only disk: the same, and not one traceback."""
        if reason := why_not():
            raise SkipTest(reason)
        self.patch(feeder_module, "RETRY_S", 0.05)
        self.patch(feeder_module, "LONGEST_RETRY_S", 0.2)
        self.patch(feeder_module, "LOOK_S", 0.1)
        self.patch(room_module, "FIRST_PAUSE_S", 0.05)
        logged: list[Any] = []
        globalLogPublisher.addObserver(logged.append)
        self.addCleanup(globalLogPublisher.removeObserver, logged.append)
        for code in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS):
            logged.clear()
            await self.live_through(code)
            self.assertEqual([each["log_format"] for each in logged if "log_failure" in each], [])
            self.assertLess(len(logged), 12, [each["log_format"] for each in logged])
