"""Commands ask the service that writes a data dir for what only it may do."""

import argparse
import io
from pathlib import Path
from types import ModuleType
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, gatherResults, succeed
from twisted.internet.task import Clock, deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from ccsproxy.capture.main import IndexedStore
from ccsproxy.providers.price_book import PriceBook
from ccsproxy.store.control import (
    ANSWERED,
    TAKEN,
    TAKEN_WITHIN,
    ControlReply,
    ControlRequest,
    Mailbox,
    ask,
    folder_of,
    serve,
)
from ccsproxy.store.directory import DataDirBusy, Lock
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.segment import list_segments
from ccsproxy.store.settings import StoreSettings
from ccsproxy.tools.store import gc, rm
from test.store.records import record, stored


class AskingTests(SynchronousTestCase):
    """The two sides of the folder."""

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp())
        self.data_dir.mkdir()
        self.lock = Lock(self.data_dir)
        self.addCleanup(self.lock.release)
        self.clock = Clock()
        self.box = Mailbox(Files(), self.data_dir)

    def ask(self, meanwhile: Any = lambda: None) -> ControlReply | None:
        def sleep(seconds: float) -> None:
            self.clock.advance(seconds)
            meanwhile()

        return ask(self.data_dir, ControlRequest("forget", ["s"]), self.clock.seconds, sleep)

    def left(self) -> list[str]:
        return [path.name for path in folder_of(self.data_dir).iterdir()]

    def test_granted(self) -> None:
        """The request is heard once, however long it takes, and the answer comes back; nothing is left of either."""
        self.box.open()
        heard: list[Any] = []

        def meanwhile() -> None:
            heard.extend(self.box.take())
            if self.clock.seconds() > 3 * TAKEN_WITHIN:
                self.box.answer(heard[0][0], ControlReply({"s": 3}))

        self.assertEqual(self.ask(meanwhile), ControlReply({"s": 3}))
        self.assertEqual([request for _, request in heard], [ControlRequest("forget", ["s"])])
        self.assertEqual(self.left(), [])

    def test_not_taken(self) -> None:
        """A service that takes no requests is not waited for, and the request is withdrawn."""
        self.assertRaises(DataDirBusy, self.ask)
        self.box.open()
        self.assertRaises(DataDirBusy, self.ask)
        self.assertEqual(self.left(), [])

    def test_service_begins_anew(self) -> None:
        """A service that starts clears away what it has not heard of or not ended, and the command does not wait."""
        self.box.open()
        for step in (lambda: None, self.box.take):
            steps = iter((step, self.box.open))
            self.assertRaises(DataDirBusy, self.ask, lambda steps=steps: next(steps, lambda: None)())
            self.assertEqual(self.left(), [])

    def test_service_ends(self) -> None:
        """When the service ends before or after it has taken the request, the command is told to do it itself."""
        for step in (lambda: None, self.box.take):
            self.box.open()
            steps = iter((step, self.lock.release))
            self.assertIsNone(self.ask(lambda steps=steps: next(steps, lambda: None)()))
            self.lock = Lock(self.data_dir)

    def test_what_is_no_request(self) -> None:
        """It is answered too, so that a command of another version does not wait."""
        self.box.open()
        for number, text in enumerate(("", "[]", '{"do":1}', '{"do":"forget","all":true}', "\udcff")):
            (folder_of(self.data_dir) / f"{number}.wish").write_text(text, errors="surrogateescape")
        self.assertEqual(self.box.take(), [])
        self.assertEqual(sorted(self.left()), [f"{number}{ANSWERED}" for number in range(5)])
        self.box.open()
        self.assertEqual(self.left(), [])

    def test_the_owner_only(self) -> None:
        """Nobody else can ask, or read what was asked for."""
        self.box.open()
        modes: list[int] = []

        def meanwhile() -> None:
            modes.extend(path.stat().st_mode for path in folder_of(self.data_dir).iterdir())

        self.assertRaises(DataDirBusy, self.ask, meanwhile)
        self.assertEqual({mode & 0o777 for mode in modes}, {0o600})
        self.assertEqual(folder_of(self.data_dir).stat().st_mode & 0o777, 0o700)


class FakeStore:
    """Does nothing, well or badly."""

    settings = StoreSettings(retain_days=7)

    def __init__(self) -> None:
        self.told: list[Any] = []

    def forget(self, session_id: str) -> Deferred[int]:
        self.told.append(session_id)
        return succeed(len(self.told))

    def collect(self, settings: StoreSettings) -> Deferred[str]:
        self.told.append((settings.retain_days, settings.retain_size))
        return fail(OSError("no space")) if settings.retain_size == 1 else succeed("")


class GrantTests(SynchronousTestCase):
    """What is done."""

    def test_each(self) -> None:
        """Sessions one after the other; what is to be kept as the command says, else as the service does."""
        store = FakeStore()
        for request, reply in (
            (ControlRequest("forget", ["a", "b"]), ControlReply({"a": 1, "b": 2})),
            (ControlRequest("collect"), ControlReply()),
            (ControlRequest("collect", retain_days=1.0, retain_size=5), ControlReply()),
            (ControlRequest("dance"), ControlReply(trouble="this service does not know how to dance")),
        ):
            self.assertEqual(self.successResultOf(Deferred.fromCoroutine(serve(store, request))), reply)
        self.assertEqual(store.told, ["a", "b", (7, 4 << 30), (1.0, 5)])


class RunningStoreTests(TestCase):
    """A store that is written to, its index, and the commands in another thread."""

    timeout = 30

    async def begin(self) -> None:
        self.data_dir = Path(self.mktemp()).absolute()
        self.store = IndexedStore(self.data_dir, StoreSettings(min_free=0, rotate_size=3000), reactor, PriceBook())
        self.addCleanup(self.store.close)
        await self.store.open({})
        bodies = {"gone": "unforgettable", "stays": "ordinary"}
        for number in range(1, 11):
            session = "gone" if number % 2 else "stays"
            body = {"model": "m", "messages": [{"role": "user", "content": f"{bodies[session]} {number}"}]}
            await self.store.append(record(number, session, body))

    async def call(self, command: ModuleType, *arguments: str) -> tuple[int, str, str]:
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        out, err = io.StringIO(), io.StringIO()
        args = parser.parse_args(["--data-dir", str(self.data_dir), *arguments])
        status = await deferToThread(command.run, args, out, err)
        return status, out.getvalue(), err.getvalue()

    def traces(self) -> list[str]:
        """Return the files outside of the segments that hold the session's name or words."""
        return [
            path.name
            for path in self.data_dir.iterdir()
            if path.is_file() and any(word in path.read_bytes() for word in (b"gone", b"unforgettable"))
        ]

    async def test_rm(self) -> None:
        """The session is gone from segments and index while the others are written on."""
        await self.begin()
        while "index.sqlite3" not in "".join(self.traces()):
            await deferLater(reactor, 0.05, lambda: None)
        (status, said, complaint), _ = await gatherResults(
            [Deferred.fromCoroutine(self.call(rm, "gone")), self.store.append(record(12, "stays"))]
        )
        self.assertEqual((status, complaint), (0, ""))
        self.assertIn("gone is removed", said)
        self.assertEqual({each["session_id"] for each in stored(self.data_dir)}, {"stays"})
        while self.traces():
            await deferLater(reactor, 0.05, lambda: None)
        await self.store.append(record(14, "stays"))
        self.assertEqual(len(stored(self.data_dir)), 7)
        status, _, complaint = await self.call(rm, "gone")
        self.assertEqual((status, complaint), (1, "There is no session gone.\n"))
        self.assertEqual(list(folder_of(self.data_dir).glob(f"*{TAKEN}")), [])

    async def test_gc(self) -> None:
        """What is not to be kept goes now."""
        await self.begin()
        self.assertGreater(len(list_segments(self.data_dir)), 2)
        status, said, complaint = await self.call(gc, "--retain-size", "1")
        self.assertEqual((status, complaint), (0, ""))
        self.assertIn("-> 0 segments", said)
        await self.store.append(record(11, "stays"))
        self.assertEqual(len(stored(self.data_dir)), 1)
