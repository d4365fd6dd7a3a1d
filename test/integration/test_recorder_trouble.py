"""A recorder that is stopped, killed or never starts: clients notice nothing, and every exchange is accounted for."""

import os
import signal
import time
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from ccsproxy import service
from ccsproxy.capture.relay.limits import CaptureLimits
from ccsproxy.capture.relay.service import RECORDER, CaptureService
from test.integration.harness import Peer, ProxiedTestCase
from test.integration.messages import Message, take

GET = b"GET /s/%d HTTP/1.1\r\nHost: localhost\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENTS, PACE = 20, 0.02


def event(stream: int, number: int) -> bytes:
    """Return one event of a stream, 2 KB of it."""
    return b"event: e\ndata: %d/%d %b\n\n" % (stream, number, b"x" * 2000)


def whole(stream: int) -> bytes:
    """Return a stream's events."""
    return b"".join(event(stream, number) for number in range(EVENTS))


class RecorderTroubleTests(ProxiedTestCase):
    """Paced streams while the recorder is in trouble."""

    limits, module = CaptureLimits(), RECORDER

    def setUp(self) -> None:
        self.patch(service, "CaptureService", self.capture_service)

    def capture_service(self, *arguments: Any) -> CaptureService:
        """Make the service's own capture, as the test wants it."""
        self.capture = CaptureService(*arguments, limits=self.limits, module=self.module)
        return self.capture

    def script(self, peer: Peer, request: Message) -> None:
        """Send a stream's events, and note when each was sent."""
        stream = int(request.line.split(b" ")[1].rpartition(b"/")[2])

        async def play() -> None:
            peer.send(STREAM)
            for number in range(EVENTS):
                data = event(stream, number)
                self.sent[data] = time.monotonic()
                peer.send(b"%x\r\n%b\r\n" % (len(data), data))
                await deferLater(reactor, PACE)
            peer.send(b"0\r\n\r\n")

        Deferred.fromCoroutine(play())

    async def read(self, stream: int) -> None:
        """Read one stream, compare its bytes, and note how long each event was on its way."""
        client = await self.connect()
        client.send(GET % stream)
        for number in range(EVENTS):
            data = event(stream, number)
            await client.until(lambda data=data: data in client.received)  # type: ignore[misc]
            self.waits.append(time.monotonic() - self.sent[data])
        await client.until(lambda: take(bytes(client.received)))
        got = take(bytes(client.received))
        assert got is not None
        self.assertEqual(got[0].body, whole(stream))

    async def streams(self, first: int, count: int) -> None:
        """Read some streams at once."""
        self.sent: dict[bytes, float] = {}
        self.waits: list[float] = []
        await gatherResults([Deferred.fromCoroutine(self.read(first + n)) for n in range(count)])
        # Generous: it only has to tell a delay of capture's (seconds, a whole stop) from a busy machine's.
        self.assertLess(sorted(self.waits)[len(self.waits) // 2], 1.0)

    def health(self) -> dict[str, Any]:
        assert self.running is not None
        return self.running.health()

    def recorder(self) -> int:
        """Return the recorder's process id."""
        pid = self.capture._child.pid
        assert isinstance(pid, int)
        return pid

    def replaced(self, killed: int) -> bool:
        """Tell whether another recorder than one that was killed is at work."""
        return self.capture._child.pid not in (None, killed) and self.health()["recorder"] == "ready"

    async def check_records(self, count: int) -> None:
        """Each stream has one record that is complete in every byte."""
        found = {record["request"]["path"]: record for record in await self.records(count)}
        self.assertEqual(set(found), {f"/s/{stream}" for stream in range(count)})
        for path, record in found.items():
            stream = int(path.rpartition("/")[2])
            self.assertEqual((record["outcome"], record["partial"]), ("complete", False), record)
            self.assertEqual(record["response"]["body_bytes"], len(whole(stream)))
        health = self.health()
        self.assertEqual((health["accepted"], health["dropped"], health["in_flight"]), (count, {}, 0))

    async def test_stopped_for_a_while(self) -> None:
        """SIGSTOP: the queue grows, the clients go on; after SIGCONT everything is stored."""
        await self.start_scripted(self.script)
        os.kill(self.recorder(), signal.SIGSTOP)
        self.addCleanup(os.kill, self.recorder(), signal.SIGCONT)
        await self.streams(0, 10)
        self.assertEqual(self.health()["stored"], 0)
        os.kill(self.recorder(), signal.SIGCONT)
        await self.check_records(10)

    async def test_killed_in_mid_stream(self) -> None:
        """SIGKILL, twice: a new recorder takes over what is under way."""
        await self.start_scripted(self.script)
        await self.streams(0, 2)
        for round_ in (1, 2):
            running = Deferred.fromCoroutine(self.streams(2 + 5 * (round_ - 1), 5))
            await self.until(lambda: len(self.waits) > 20, "the streams to run")
            killed = self.recorder()
            os.kill(killed, signal.SIGKILL)
            await running
            await self.until(lambda killed=killed: self.replaced(killed), "the new recorder")
        await self.check_records(12)

    async def test_never_starting(self) -> None:
        """A recorder that cannot run at all: everything is relayed, and counted as dropped at the end."""
        self.limits, self.module = (
            CaptureLimits(ready_within=0.2, flush_within=0.2),
            "test.integration.no_such_module",
        )
        await self.start_scripted(self.script)
        await self.streams(0, 5)
        self.assertEqual((self.health()["recorder"], self.health()["accepted"]), ("down", 5))
        assert self.running is not None
        await self.running.shutdown()
        health = self.health()
        self.assertEqual((health["accepted"], health["stored"], health["dropped"]), (5, 0, {"shutdown": 5}))
        self.assertEqual(self.flushLoggedErrors(), [])
