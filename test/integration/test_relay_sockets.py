"""The relay over real sockets: who leaves, how connections end, and what Twisted's transports make of it."""

import errno
import socket
import struct
import time

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from ccsproxy.config.model import Config, Upstream
from ccsproxy.exchange.ids import IdSource
from ccsproxy.proxy.capture_guard import GuardedCapture
from ccsproxy.proxy.deadlines import BatchedTimers
from ccsproxy.proxy.service import SiteParts, relay_site
from ccsproxy.proxy.upstream.endpoints.make_client import client_for
from ccsproxy.proxy.upstream.link import Timeouts
from test.proxy.relay_rig import Listening

GET = b"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class Peer(Protocol):
    """The upstream's end of a connection."""

    def connectionMade(self) -> None:
        self.got = b""
        self.lost_at = 0.0
        self.factory.peers.append(self)

    def dataReceived(self, data: bytes) -> None:
        self.got += data
        if self.factory.greeting and b"\r\n\r\n" in self.got:
            self.transport.write(self.factory.greeting)

    def connectionLost(self, reason: object) -> None:
        self.lost_at = time.monotonic()


class SocketsTestCase(TestCase):
    """A relay on a port of its own, before an upstream whose answers the test writes."""

    timeout = 20

    def setUp(self) -> None:
        self.upstream = Factory.forProtocol(Peer)
        self.upstream.noisy = False
        self.upstream.peers = []
        self.upstream.greeting = b""
        upstream_port = reactor.listenTCP(0, self.upstream, interface="127.0.0.1")
        configured = Upstream("up", "http", "127.0.0.1", upstream_port.getHost().port)
        timers = BatchedTimers(reactor)
        client, self.pool = client_for(configured, reactor, timers, Timeouts(), None)
        self.capture = Listening()
        config = Config(upstreams=(configured,))
        capture, ids = GuardedCapture(self.capture), IdSource(time.time)
        parts = SiteParts(capture=capture, ids=ids, reactor=reactor, timers=timers)
        self.site = relay_site(config, {"up": (configured, client)}, parts)
        self.port = reactor.listenTCP(0, self.site, interface="127.0.0.1")
        self.addCleanup(self.clean_up, upstream_port)

    async def clean_up(self, upstream_port) -> None:
        self.site.cut()
        await self.pool.closeCachedConnections()
        await self.port.stopListening()
        await upstream_port.stopListening()
        for peer in self.upstream.peers:
            peer.transport.abortConnection()
        await self.until(lambda: not self.site.connections and not self.pool.live_count)

    def connect(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port.getHost().port))
        client.setblocking(False)
        self.addCleanup(client.close)
        return client

    async def until(self, condition, seconds: float = 5.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, "waited in vain")
            await deferLater(reactor, 0.002, lambda: None)

    async def peer(self) -> Peer:
        """Wait until a request has reached the upstream."""
        await self.until(lambda: self.upstream.peers and b"\r\n\r\n" in self.upstream.peers[-1].got)
        return self.upstream.peers[-1]

    async def read(self, client: socket.socket, enough) -> bytes:
        """Read until there is enough, or the end; a reset is reported as its name."""
        data = b""
        end = time.monotonic() + 5
        while not enough(data):
            self.assertLess(time.monotonic(), end, len(data))
            try:
                piece = client.recv(65536)
            except BlockingIOError:
                await deferLater(reactor, 0.002, lambda: None)
                continue
            except ConnectionResetError:
                return data + b"<reset>"
            if not piece:
                return data + b"<end>"
            data += piece
        return data


class LeavingTests(SocketsTestCase):
    """Clients that go, and clients that only seem to."""

    async def _gone(self, leave, request: bytes = GET) -> None:
        client = self.connect()
        client.sendall(request)
        peer = await self.peer()
        leave(client)
        left = time.monotonic()
        await self.until(lambda: peer.lost_at)
        self.assertLess(peer.lost_at - left, 0.5)
        await self.until(lambda: self.capture.heard[0].endings)
        self.assertEqual(self.capture.heard[0].ending.outcome, "client_disconnected")

    def test_a_client_that_closes_before_the_answer(self) -> Deferred:
        """Its end of the stream looks like a half-close, and is told from one."""
        return ensureDeferred(self._gone(lambda client: client.close()))

    def test_a_client_that_resets_before_the_answer(self) -> Deferred:
        """The upstream is closed as well."""

        def reset(client: socket.socket) -> None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()

        return ensureDeferred(self._gone(reset))

    def test_a_client_that_closes_during_its_upload(self) -> Deferred:
        """The upstream is closed as well."""
        request = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n\r\nabc"
        return ensureDeferred(self._gone(lambda client: client.close(), request))

    def test_a_client_that_half_closes_and_then_closes(self) -> Deferred:
        """The second is noticed although nothing arrives any more."""

        def leave(client: socket.socket) -> None:
            client.shutdown(socket.SHUT_WR)
            reactor.callLater(0.05, client.close)

        return ensureDeferred(self._gone(leave))

    async def test_a_client_that_half_closes(self) -> None:
        """It gets its answer, late as it is, and then the end."""
        client = self.connect()
        client.sendall(GET)
        client.shutdown(socket.SHUT_WR)
        peer = await self.peer()
        await deferLater(reactor, 0.2, lambda: None)
        peer.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        self.assertTrue((await self.read(client, lambda _: False)).endswith(b"\r\n\r\nok<end>"))
        self.assertEqual(self.capture.heard[0].ending.outcome, "complete")


class EndingTests(SocketsTestCase):
    """How the client's connection ends."""

    async def test_a_cut_stream_ends_without_its_last_chunk(self) -> None:
        """What had come is readable, and after it there is no clean end."""
        self.upstream.greeting = STREAM + b"5\r\nevent\r\n"
        client = self.connect()
        client.sendall(GET)
        self.assertTrue((await self.read(client, lambda data: b"event" in data)).endswith(b"5\r\nevent\r\n"))
        self.upstream.peers[0].transport.loseConnection()
        self.assertEqual(await self.read(client, lambda _: False), b"<end>")

    async def test_a_refused_upload_can_be_read(self) -> None:
        """A client that is still sending gets the 413 whole, not a reset in its place."""
        client = self.connect()
        client.sendall(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999999999\r\n\r\n")
        for _ in range(20):
            try:
                client.send(b"a" * 65536)
            except BlockingIOError:
                pass
            await deferLater(reactor, 0.002, lambda: None)
        answer = await self.read(client, lambda _: False)
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 "))
        self.assertTrue(answer.endswith(b"}}<end>"))

    async def test_a_slow_client_slows_the_upstream(self) -> None:
        """The upstream cannot push more than buffers hold; what was not delivered is not counted as delivered."""
        self.upstream.greeting = b"HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n"
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", self.port.getHost().port))
        client.setblocking(False)
        self.addCleanup(client.close)
        client.sendall(GET)
        peer = await self.peer()
        pushed = 0
        waiting: list[int] = []

        class Pushing:
            def resumeProducing(self) -> None:
                nonlocal pushed
                size = min(100000, 30000000 - pushed)
                if size:
                    pushed += size
                    peer.transport.write(b"a" * size)
                else:
                    peer.transport.unregisterProducer()

            def stopProducing(self) -> None:
                waiting.append(1)

        peer.transport.registerProducer(Pushing(), False)
        await deferLater(reactor, 0.5, lambda: None)
        self.assertLess(pushed, 20000000)
        stood = pushed
        got = await self.read(client, lambda data: len(data) >= 500000)
        self.assertEqual(set(got.partition(b"\r\n\r\n")[2]), {ord("a")})
        self.assertLessEqual(pushed - stood, 20000000)
        client.close()
        await self.until(lambda: waiting)
        ending = self.capture.heard[0].ending
        self.assertEqual(ending.outcome, "client_disconnected")
        self.assertLess(ending.delivered_bytes, ending.response_bytes)

    async def test_many_disconnects_leave_nothing(self) -> None:
        """Clients that leave at all moments: every exchange has one ending, every upstream connection is closed."""
        self.upstream.greeting = STREAM + b"5\r\nevent\r\n"
        for number in range(200):
            client = self.connect()
            try:
                client.sendall(GET[: 20 + number] if number < 30 else GET)
            except OSError as error:
                self.assertEqual(error.errno, errno.EPIPE)
            if number % 3:
                await deferLater(reactor, 0.0005 * (number % 7), lambda: None)
            client.close()
        await self.until(lambda: not self.site.connections)
        await self.until(lambda: not self.pool.live_count)
        self.assertEqual(self.site.in_flight, 0)
        self.assertTrue(all(len(heard.endings) == 1 for heard in self.capture.heard))
