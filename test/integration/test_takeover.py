"""A rolling restart: a successor takes the sockets over under paced streams; nothing is cut, refused or lost."""

import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import DeferredList, ensureDeferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall, deferLater

from ccsproxy.run import read_run_file
from test.integration.harness import Peer, ScriptedUpstream, records_in
from test.integration.messages import Message
from test.integration.program import Program, ProgramTestCase
from test.integration.test_forwarding import HANDSHAKE, SWITCHED
from test.integration.writing import SSE, head, post

#: How many streams run through the restart, and how long each takes in seconds.
STREAMS, SECONDS = int(os.environ.get("CCSPROXY_TAKEOVER_STREAMS", "30")), 3.0
PIECE = b"13\r\nevent: x\ndata: {}\n\n\r\n"
PIECES = 40
#: Bytes of an upload, and of each piece of it.
SENT, PART = 8_000_000, 5_000
#: How long new connections are silent at first: some always are when a process steps back.
SILENCES = 0.0, 0.0, 0.05, 0.3, 0.5
HEAD = head("HTTP/1.1 200 OK", [SSE, ("Transfer-Encoding", "chunked")])


class Echo(Protocol):
    """Sends back what comes."""

    def dataReceived(self, data: bytes) -> None:
        """Send it back."""
        assert self.transport is not None
        self.transport.write(data)


def pace(peer: Peer, request: Message) -> None:
    """Send a stream in pieces, as long as somebody listens; switch to a WebSocket where one is asked for."""
    if b"/v1/responses" in request.line:
        peer.send(SWITCHED + b"\x81\x02hi")
        peer._heard = _close  # what comes now is no request
        return
    ensureDeferred(_pace(peer, b"quick" in request.line))


def _close(peer: Peer) -> None:
    """Answer the close frame of a WebSocket."""
    if b"\x88\x80abcd" in peer.received:
        peer.send(b"\x88\x00")


async def _pace(peer: Peer, quick: bool) -> None:
    peer.send(HEAD)
    for _ in range(2 if quick else PIECES):
        await deferLater(reactor, 0.01 if quick else SECONDS / PIECES)
        if peer.ended is not None:
            return
        peer.send(PIECE)
    peer.send(b"0\r\n\r\n")


class TakeoverTests(ProgramTestCase):
    """``twistd`` and SIGUSR2."""

    timeout = 170

    async def running(self, *options: str) -> Any:
        upstream = ScriptedUpstream(pace)
        self.addCleanup(self.close_peers, upstream)
        port = self.listen(upstream)
        ports = ("--proxy-port", "0", "--api-port", "0", "--api-users", "any", "--drain-timeout", "60")
        return await self.launch("twistd", "--upstream", f"anthropic=http://127.0.0.1:{port}", *ports, *options)

    async def stream(self, path: str, silent: float = 0.0) -> bytes:
        """Make one call on a connection of its own; whatever is not whole raises.

        :param silent: seconds for which the connection is there, and nothing comes on it.
        """
        client = await self.connect()
        if silent:
            await deferLater(reactor, silent)
        client.send(post(path, b"{}"))
        message = await client.message()
        self.assertEqual(message.status, 200)
        return message.body

    async def hammer(self, until: list[bool], silent: float) -> int:
        """Make short calls one after the other until it is told to end; each must be answered."""
        count = 0
        while not until:
            self.assertEqual(len(await self.stream("/quick", silent)), 38)
            count += 1
            await deferLater(reactor, 0.01)
        return count

    async def succeeded(self, pid: int) -> int:
        """Wait until the run file names another process, and return that."""
        await self.until(lambda: (read_run_file(self.data_dir) or {}).get("pid", pid) != pid, "a successor")
        return int((read_run_file(self.data_dir) or {})["pid"])

    def end_later(self, pid: int) -> None:
        """End a successor with the test: it is no child of ours."""

        async def end() -> None:
            for number in (signal.SIGTERM, 0):
                try:
                    os.kill(pid, number or signal.SIGTERM)
                except ProcessLookupError:
                    return
                await self.gone(pid)

        self.addCleanup(end)

    async def exited(self, service: Program) -> None:
        """Wait for the end of a process whose output its successor goes on writing to."""
        await self.until(lambda: service.transport.pid is None, "its end")
        self.assertIn("Server Shut Down", service.said)

    async def gone(self, pid: int) -> None:
        late = time.monotonic() + 60
        while Path(f"/proc/{pid}").exists() and time.monotonic() < late:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
            await deferLater(reactor, 0.05)

    async def rolled(self, *options: str) -> None:
        """Restart under streams, and see that each call has its answer and its record."""
        service = await self.running(*options)
        before = self.run_file
        streams = [ensureDeferred(self.stream("/slow")) for _ in range(STREAMS)]
        over: list[bool] = []
        hammers = [ensureDeferred(self.hammer(over, silent)) for silent in SILENCES]
        await deferLater(reactor, SECONDS / 8)
        service.signal(signal.SIGUSR2)
        successor = await self.succeeded(service.pid)
        self.end_later(successor)
        self.assertEqual((read_run_file(self.data_dir) or {})["proxy"], before["proxy"])
        self.assertEqual((read_run_file(self.data_dir) or {})["api"], before["api"])
        late = [ensureDeferred(self.stream("/slow")) for _ in range(4)]
        done = await DeferredList([*streams, *late], consumeErrors=True)
        answers = Counter(len(result) if good else str(result.value)[:200] for good, result in done)
        self.assertEqual(answers, {19 * PIECES: STREAMS + 4})
        await self.exited(service)
        await deferLater(reactor, 0.3)
        over.append(True)
        counts = await DeferredList(hammers, consumeErrors=True)
        self.assertTrue(all(good for good, _ in counts), counts)
        calls = STREAMS + 4 + sum(count for _, count in counts)
        os.kill(successor, signal.SIGTERM)
        await self.gone(successor)
        self.assertIsNone(read_run_file(self.data_dir))
        records = records_in(self.data_dir)
        self.assertEqual(len(records), calls)
        self.assertEqual(len({record["id"] for record in records}), calls)
        self.assertEqual(len({(record["session_id"], record["seq"]) for record in records}), calls)
        self.assertEqual({record["outcome"] for record in records}, {"complete"})

    async def test_one_process(self) -> None:
        """Streams, and calls on new connections all the while."""
        await self.rolled()

    async def test_workers(self) -> None:
        """The same with several relays behind the port."""
        await self.rolled("--workers", "2")

    async def test_all_that_lasts(self) -> None:
        """An upload, a WebSocket and a tunnel run through the restart of two relays; each is recorded once."""
        echo = self.listen(Factory.forProtocol(Echo))
        service = await self.running("--workers", "2", "--forward", "on")
        upload, socket, tunnel = [await self.connect() for _ in range(3)]
        upload.send(b"POST /quick HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % SENT)
        socket.send(HANDSHAKE.replace(b"api.example", b"127.0.0.1"))
        tunnel.send(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (echo, echo))
        await socket.until(lambda: b"hi" in socket.received)
        await tunnel.until(lambda: b"\r\n\r\n" in tunnel.received)
        before = len(tunnel.received)
        sent: list[bytes] = []
        talking = LoopingCall(self.talk, sent, upload, socket, tunnel)
        talking.start(0.1)
        service.signal(signal.SIGUSR2)
        self.end_later(successor := await self.succeeded(service.pid))
        await deferLater(reactor, 2)
        talking.stop()
        upload.send(bytes(SENT - len(sent) * PART))
        await tunnel.until(lambda: len(tunnel.received) >= before + 4 * len(sent))
        self.assertEqual(tunnel.received[before:], b"".join(sent))
        self.assertEqual((await upload.message()).status, 200)
        socket.send(b"\x88\x80abcd")
        await socket.until(lambda: b"\x88\x00" in socket.received)
        for each in (upload, socket, tunnel):
            each.close()
        await self.exited(service)
        os.kill(successor, signal.SIGTERM)
        await self.gone(successor)
        await self.until(lambda: service.status is not None, "the end of its output")
        found = {each["transport"]: each for each in self.recorded()}
        outcomes = {kind: each["outcome"] for kind, each in found.items()}
        self.assertEqual(outcomes, dict.fromkeys(("http", "tunnel", "websocket"), "complete"))
        self.assertEqual(found["http"]["request"]["body_bytes"], SENT)
        self.assertEqual(found["tunnel"]["request"]["body_bytes"], 4 * len(sent))

    def talk(self, sent: list[bytes], upload: Peer, socket: Peer, tunnel: Peer) -> None:
        """Say something on each: what is quiet is ended by a restart, as its client can begin anew."""
        sent.append(b"%4d" % len(sent))
        tunnel.send(sent[-1])
        socket.send(b"\x89\x80abcd")
        upload.send(bytes(PART))

    def recorded(self) -> list[dict[str, Any]]:
        """Return the records, each of which there must be one of."""
        found = records_in(self.data_dir)
        self.assertEqual(len({each["id"] for each in found}), len(found))
        return found

    async def test_a_successor_that_cannot(self) -> None:
        """Where the configuration is wrong by now, nothing changes, and a second try with a good one goes through."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        config = folder / "c.toml"
        config.write_text("drain-timeout = 60\n")
        service = await self.running("--config", str(config))
        config.write_text("no-such-thing = 1\n")
        service.signal(signal.SIGUSR2)
        await self.until(lambda: "ended before it took over" in service.said, "the complaint")
        self.assertEqual(len(await self.stream("/quick")), 38)
        config.write_text("drain-timeout = 60\n")
        service.signal(signal.SIGUSR2)
        self.end_later(await self.succeeded(service.pid))
        await self.exited(service)
        self.assertEqual(len(await self.stream("/quick")), 38)
