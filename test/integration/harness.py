"""A whole ccsproxy between scripted sockets: raw clients before it, an upstream that records every byte behind it."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import zstandard
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from ccsproxy.config.model import Config, Upstream
from ccsproxy.run import RunHandle
from ccsproxy.service import serve
from test.integration.messages import Message, take

#: Seconds that anything may take before a test gives it up; nothing is expected to come near.
PATIENCE = 60.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Peer(Protocol):
    """One raw end of a connection, which keeps all that it receives.

    :ivar received: every byte.
    :ivar ended: why and when (monotonic seconds) the connection ended.
    """

    def __init__(self, heard: Callable[["Peer"], object] | None = None) -> None:
        self.received = bytearray()
        self.ended: tuple[Failure, float] | None = None
        self._heard = heard
        self._waiting: list[tuple[Callable[[], object], Deferred[None]]] = []

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        if self._heard is not None:
            self._heard(self)
        self._check()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.ended = (reason, time.monotonic())
        self._check()

    def until(self, condition: Callable[[], object]) -> "Deferred[None]":
        """Wait for a condition that arriving bytes or the end of the connection can bring about."""
        done: Deferred[None] = Deferred()
        done.addTimeout(PATIENCE, reactor)
        self._waiting.append((condition, done))
        self._check()
        return done

    def _check(self) -> None:
        for entry in tuple(self._waiting):
            if entry[0]() and not entry[1].called:
                self._waiting.remove(entry)
                entry[1].callback(None)

    def end(self) -> "Deferred[None]":
        """Wait for the end of the connection."""
        return self.until(lambda: self.ended is not None)

    def send(self, data: bytes) -> None:
        self.transport.write(data)

    def leave(self) -> None:
        """Break the connection off."""
        self.transport.abortConnection()

    def close(self) -> None:
        """Close the connection in order."""
        self.transport.loseConnection()

    async def message(self, *, bodiless: bool = False) -> Message:
        """Wait for a whole message and take it off what was received."""
        found: list[tuple[Message, bytes]] = []

        def whole() -> bool:
            one = take(bytes(self.received), bodiless=bodiless, ended=self.ended is not None)
            found.extend([one] if one else [])
            return bool(found) or self.ended is not None

        await self.until(whole)
        if not found:
            raise AssertionError(f"the connection ended after {bytes(self.received)!r}: {self.ended}")
        message, rest = found[0]
        self.received[:] = rest
        return message


class ScriptedUpstream(Factory):
    """An upstream that plays a script for each whole request.

    :param script: called with the connection and the request.
    :ivar peers: every connection there was.
    :ivar raw: every byte that came, by connection.
    :ivar requests: every whole request.
    """

    noisy = False

    def __init__(self, script: Callable[[Peer, Message], object] | None = None) -> None:
        self.script = script
        self.peers: list[Peer] = []
        self.raw: list[bytearray] = []
        self.requests: list[Message] = []

    def buildProtocol(self, addr: object) -> Peer:
        peer = Peer(self._heard)
        self.peers.append(peer)
        self.raw.append(peer.received)
        return peer

    def _heard(self, peer: Peer) -> None:
        while self.script is not None:
            cut = take(bytes(peer.received))
            if cut is None:
                return
            message, rest = cut
            peer.received[:] = rest
            self.requests.append(message)
            self.script(peer, message)

    @property
    def open(self) -> int:
        """Return how many of its connections are open."""
        return sum(peer.ended is None for peer in self.peers)


def answering(data: bytes) -> Callable[[Peer, Message], None]:
    """Make a script that answers every request with the same bytes."""
    return lambda peer, request: peer.send(data)


def at_port(port: int, name: str = "test", **more: Any) -> Upstream:
    """Describe an upstream on a loopback port."""
    return Upstream(**{"name": name, "scheme": "http", "host": "127.0.0.1", "port": port, **more})


def records_in(data_dir: Path) -> list[dict[str, Any]]:
    """Return the records of all segments, in order."""
    for _ in range(100):
        try:
            return [line for line in map(msgspec.json.decode, _lines_in(data_dir)) if "outcome" in line]
        except FileNotFoundError:
            # A segment has just been replaced by its compressed form: look again.
            continue
    raise AssertionError("the segments do not stand still")


def _lines_in(data_dir: Path) -> list[bytes]:
    # While a segment is being compressed it is there twice.
    segments = {
        path.name.removesuffix(".zst"): path for path in sorted(data_dir.glob("segments/*.jsonl*"), reverse=True)
    }
    found = []
    for name in sorted(segments):
        data = segments[name].read_bytes()
        if segments[name].suffix == ".zst":
            data = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
        found += data.splitlines()
    return found


class ProxiedTestCase(TestCase):
    """A test with a ccsproxy between clients and upstreams.

    :ivar running: the handle of the service.
    :ivar config: what it was started with.
    :ivar data_dir: where its records are.
    """

    timeout = 120
    running: RunHandle | None = None

    def listen(self, factory: Factory, **options: Any) -> int:
        """Listen on a loopback port until the test is over."""
        port = reactor.listenTCP(0, factory, interface="127.0.0.1", **options)
        self.addCleanup(port.stopListening)
        return port.getHost().port

    async def start(self, *upstreams: Upstream | int, **settings: Any) -> RunHandle:
        """Start a ccsproxy before some upstreams, given as such or as loopback ports."""
        self.data_dir = settings.pop("data_dir", None) or Path(self.mktemp())
        known = tuple(at_port(one) if isinstance(one, int) else one for one in upstreams)
        values = {"proxy_port": 0, "no_api": True, "upstream_proxy": "none", "drain_timeout": 5.0, **settings}
        config = self.config = Config(upstreams=known, data_dir=self.data_dir, **values)
        umask = os.umask(0o077)
        self.addCleanup(os.umask, umask)
        running = self.running = await serve(config, reactor)
        self.addCleanup(running.shutdown)
        return running

    async def start_scripted(
        self, script: Callable[[Peer, Message], object] | None, **settings: Any
    ) -> ScriptedUpstream:
        """Start a ccsproxy before one scripted upstream."""
        upstream = ScriptedUpstream(script)
        await self.start(self.listen(upstream), **settings)
        self.addCleanup(self.close_peers, upstream)
        return upstream

    async def close_peers(self, upstream: ScriptedUpstream) -> None:
        """Close what an upstream still has open, and wait for that."""
        for peer in upstream.peers:
            if peer.ended is None:
                peer.leave()
                await peer.end()

    @property
    def proxy_port(self) -> int:
        """Return the port of the proxy."""
        assert self.running is not None
        return int(self.running.proxy_urls[0].rpartition(":")[2])

    async def connect(self, port: int | None = None) -> Peer:
        """Connect a client to the proxy."""
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port or self.proxy_port)
        client: Peer = await connectProtocol(endpoint, Peer())

        async def gone() -> None:
            if client.ended is None:
                client.leave()
                await client.end()

        self.addCleanup(gone)
        return client

    async def ask(self, request: bytes, *, bodiless: bool = False) -> Message:
        """Send a request on a connection of its own and return the answer."""
        client = await self.connect()
        client.send(request)
        return await client.message(bodiless=bodiless)

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something that no event tells of."""
        late = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > late:
                self.fail(f"waited in vain for {what}; health: {self.running and self.running.health()}")
            await deferLater(reactor, 0.005)

    async def records(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many records are stored, and return them; there is one for each exchange and no more."""
        running = self.running
        assert running is not None
        await self.until(lambda: running.health()["stored"] >= count, f"{count} records")
        found = records_in(self.data_dir)
        self.assertEqual(len(found), count)
        self.assertEqual(len({record["id"] for record in found}), count)
        health = running.health()
        self.assertEqual(health["accepted"], health["stored"] + sum(health["dropped"].values()) + health["in_flight"])
        return found
