"""Commands ask the service that writes a data dir for what only it may do."""

import argparse
import io
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, gatherResults, succeed
from twisted.internet.task import Clock, deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from ccsproxy.capture.main import IndexedStore
from ccsproxy.providers.price_book import PriceBook
from ccsproxy.store import control
from ccsproxy.store.control import (
    RETRY,
    TAKEN_WITHIN,
    TROUBLE_WITHIN,
    ControlReply,
    ControlRequest,
    ControlServer,
    ask,
)
from ccsproxy.store.directory import DataDirBusy, Lock
from ccsproxy.store.maintenance import maintenance
from ccsproxy.store.segments.segment import list_segments
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.state.state import State
from ccsproxy.tools.store import gc, rm
from test.store.records import record, stored


class AskingTests(SynchronousTestCase):
    """The two sides of a request."""

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp())
        self.data_dir.mkdir()
        self.lock = Lock(self.data_dir)
        self.addCleanup(lambda: self.lock.release())
        self.clock = Clock()
        self.state = State(self.data_dir)
        self.addCleanup(self.state.close)

    def ask(self, meanwhile: Any = lambda: None) -> ControlReply | None:
        def sleep(seconds: float) -> None:
            self.clock.advance(seconds)
            meanwhile()

        return ask(self.data_dir, ControlRequest("forget", ["s"]), self.clock.seconds, sleep)

    def left(self) -> int:
        return len(self.state.ask("SELECT job FROM jobs"))

    def test_served(self) -> None:
        """The request is heard once, however long it takes, and the reply comes back; nothing is left of either."""
        heard: list[Any] = []

        def meanwhile() -> None:
            heard.extend(self.state.take_jobs())
            if self.clock.seconds() > 3 * TAKEN_WITHIN:
                self.state.answer(heard[0][0], msgspec.json.encode(ControlReply([3])), done=True)

        self.assertEqual(self.ask(meanwhile), ControlReply([3]))
        self.assertEqual([data for _, data in heard], [b'{"do":"forget","sessions":["s"]}'])
        self.assertEqual(self.left(), 0)

    def test_not_taken(self) -> None:
        """A service that takes no requests is not waited for, and the request is withdrawn."""
        self.assertRaises(DataDirBusy, self.ask)
        self.assertEqual(self.left(), 0)

    def test_trouble(self) -> None:
        """The command does not wait for ever while something is in the way; the job stays, for the service to end."""

        def meanwhile() -> None:
            for job, _ in self.state.take_jobs():
                self.state.answer(job, msgspec.json.encode(ControlReply([1], "a reader")), done=False)

        self.assertEqual(self.ask(meanwhile), ControlReply([1], "a reader"))
        self.assertLess(self.clock.seconds(), TROUBLE_WITHIN + 2)
        self.assertEqual(self.left(), 1)

    def test_trouble_that_passes(self) -> None:
        """What was in the way and went is not told of."""

        def meanwhile() -> None:
            for job, _ in self.state.take_jobs():
                self.job = job
                self.state.answer(job, msgspec.json.encode(ControlReply([], "a reader")), done=False)
            if self.clock.seconds() > TROUBLE_WITHIN / 2:
                self.state.answer(self.job, msgspec.json.encode(ControlReply([1])), done=True)

        self.assertEqual(self.ask(meanwhile), ControlReply([1]))

    def test_service_begins_anew(self) -> None:
        """Another service goes on with what the first had taken, and the command hears of it."""
        steps = iter((self.state.take_jobs, self.state.begin_jobs, self.serve))
        self.assertEqual(self.ask(lambda: next(steps, lambda: None)()), ControlReply([2]))

    def serve(self) -> None:
        for job, _ in self.state.take_jobs():
            self.state.answer(job, msgspec.json.encode(ControlReply([2])), done=True)

    def test_service_ends(self) -> None:
        """When the service ends before or after it has taken the request, the command is told to do it itself."""
        for step in (lambda: None, self.state.take_jobs):
            steps = iter((step, self.lock.release))
            self.assertIsNone(self.ask(lambda steps=steps: next(steps, lambda: None)()))
            self.assertEqual(self.left(), 0)
            self.lock = Lock(self.data_dir)


class FakeStore:
    """Does nothing, well or badly."""

    settings = StoreSettings(retain_days=7)

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.fails: list[str] = []
        self.left: list[str] = []

    def forget(self, session_id: str) -> Deferred[int]:
        self.told.append(session_id)
        if session_id in self.fails:
            self.fails.remove(session_id)
            return fail(OSError("no space"))
        return succeed(len(self.told))

    def erase(self, sessions: Sequence[str]) -> Deferred[str]:
        self.told.append(tuple(sessions))
        return succeed(self.left.pop(0) if self.left else "")

    def collect(self, settings: StoreSettings) -> Deferred[str]:
        self.told.append((settings.retain_days, settings.retain_size))
        return fail(OSError("no space")) if settings.retain_size == 1 else succeed("")


class ServingTests(SynchronousTestCase):
    """What is done, and tried again."""

    def setUp(self) -> None:
        data_dir = Path(self.mktemp())
        data_dir.mkdir()
        self.state = State(data_dir)
        self.addCleanup(self.state.close)
        self.store, self.clock = FakeStore(), Clock()
        self.clock.callFromThread = lambda work, *args: work(*args)  # type: ignore[attr-defined]
        self.server = ControlServer(self.store, self.state, self.clock, lambda job: job())

    def serve(self, data: bytes) -> tuple[str, ControlReply]:
        self.job = self.state.ask_for(data)
        self.server.look()
        return self.reply()

    def reply(self) -> tuple[str, ControlReply]:
        stands, data = self.state.job(self.job) or ("", b"")
        return stands, msgspec.json.decode(data or b"{}", type=ControlReply)

    def test_each(self) -> None:
        """Sessions one after the other; what is to be kept as the command says, else as the service does."""
        for request, reply in (
            (ControlRequest("forget", ["a", "b"]), ControlReply([1, 2])),
            (ControlRequest("collect"), ControlReply()),
            (ControlRequest("collect", retain_days=1.0, retain_size=5), ControlReply()),
            (ControlRequest("collect", retain_size=1), ControlReply(trouble="no space")),
            (ControlRequest("dance"), ControlReply(trouble="this service does not know how to dance")),
        ):
            self.assertEqual(self.serve(msgspec.json.encode(request)), ("done", reply))
        self.assertEqual(self.store.told, ["a", "b", ("a", "b"), (7, 4 << 30), (1.0, 5), (7, 1)])

    def test_what_is_no_request(self) -> None:
        """It is answered too, so that a command of another version does not wait."""
        for data in (b"[]", b'{"do":1}', b'{"do":"forget","all":true}', b"\xff"):
            stands, reply = self.serve(data)
            self.assertEqual(stands, "done")
            self.assertIn("not understood", reply.trouble)

    def test_a_removal_is_tried_until_it_is_whole(self) -> None:
        """One session fails, the other is not done twice; a reader holds the index; then it is done, not before."""
        self.store.fails, self.store.left = ["a", "a"], ["a reader"]
        stands, reply = self.serve(b'{"do":"forget","sessions":["a","b"]}')
        self.assertEqual((stands, reply), ("taken", ControlReply([None, 2], "no space")))
        self.clock.advance(RETRY)
        self.assertEqual(self.reply(), ("taken", ControlReply([None, 2], "no space")))
        self.clock.advance(RETRY)
        self.assertEqual(self.reply(), ("taken", ControlReply([4, 2], "a reader")))
        self.clock.advance(RETRY)
        self.assertEqual(self.reply(), ("done", ControlReply([4, 2])))
        self.assertEqual(self.store.told, ["a", "b", "a", "a", ("a", "b"), ("a", "b")])

    def test_the_next_service_goes_on(self) -> None:
        """A removal that one service could not end is the next one's; nobody has to ask again."""
        self.store.left = ["a reader"] * 9
        self.serve(b'{"do":"forget","sessions":["a"]}')
        self.server.stop()
        self.clock.advance(RETRY)
        self.assertEqual(self.reply()[0], "taken")
        self.store.left = []
        ControlServer(self.store, self.state, self.clock, lambda job: job()).look()
        self.assertEqual(self.reply()[0], "done")


class RunningStoreTests(TestCase):
    """A store that is written to, its index, and the commands in another thread."""

    timeout = 60

    async def begin(self, **settings: Any) -> None:
        self.patch(maintenance, "LOOK", 0.05)
        self.patch(control, "RETRY", 0.1)
        self.data_dir = Path(self.mktemp()).absolute()
        self.store = IndexedStore(self.data_dir, StoreSettings(min_free=0, **settings), reactor, PriceBook())
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

    async def indexed(self) -> None:
        while "index.sqlite3" not in "".join(self.traces()):
            await deferLater(reactor, 0.05, lambda: None)

    async def test_rm(self) -> None:
        """The session is gone from every file when the command says so, while the others are written on."""
        await self.begin(rotate_size=3000)
        await self.indexed()
        (status, said, complaint), _ = await gatherResults(
            [Deferred.fromCoroutine(self.call(rm, "gone")), self.store.append(record(12, "stays"))]
        )
        self.assertEqual((status, complaint), (0, ""))
        self.assertIn("gone was removed", said)
        self.assertEqual(self.traces(), [])
        self.assertEqual({each["session_id"] for each in stored(self.data_dir)}, {"stays"})
        await self.store.append(record(14, "stays"))
        self.assertEqual(len(stored(self.data_dir)), 7)
        status, _, complaint = await self.call(rm, "gone")
        self.assertEqual((status, complaint), (1, "There is no session gone.\n"))

    async def test_rm_one_after_the_other_in_one_segment(self) -> None:
        """Sessions that share the segment being written are removed by any number of commands, also at once."""
        await self.begin()
        for number in range(12):
            await self.store.append(record(number + 1, f"s{number}"))
        for number in range(6):
            self.assertEqual((await self.call(rm, f"s{number}"))[::2], (0, ""), number)
        at_once = [Deferred.fromCoroutine(self.call(rm, f"s{number}", f"s{number + 3}")) for number in (6, 7, 8)]
        self.assertEqual([status for status, _, _ in await gatherResults(at_once)], [0, 0, 0])
        self.assertEqual({each["session_id"] for each in stored(self.data_dir)}, {"gone", "stays"})

    async def test_rm_waits_for_who_reads_the_index(self) -> None:
        """While somebody holds the index the command says what is in the way; when they let go, it is done."""
        self.patch(control, "TROUBLE_WITHIN", 0.5)
        await self.begin()
        await self.indexed()
        reader = sqlite3.connect(self.data_dir / "index.sqlite3", isolation_level=None)
        self.addCleanup(reader.close)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM requests").fetchone()
        status, said, complaint = await self.call(rm, "gone")
        self.assertEqual((status, said), (1, ""))
        self.assertIn("reading", complaint)
        reader.execute("ROLLBACK")
        while self.traces():
            await deferLater(reactor, 0.05, lambda: None)

    async def test_gc(self) -> None:
        """What is not to be kept goes now."""
        await self.begin(rotate_size=3000)
        self.assertGreater(len(list_segments(self.data_dir)), 2)
        status, said, complaint = await self.call(gc, "--retain-size", "1")
        self.assertEqual((status, complaint), (0, ""))
        self.assertIn("-> 0 segments", said)
        await self.store.append(record(11, "stays"))
        self.assertEqual(len(stored(self.data_dir)), 1)
