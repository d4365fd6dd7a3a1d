"""A whole relay in memory: clients, the site, the real client side over string transports, a listening capture."""

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from ccsproxy.exchange.ids import IdSource
from ccsproxy.exchange.relayed import Ending, RequestHead, ResponseHead
from ccsproxy.proxy.capture_guard import GuardedCapture
from ccsproxy.proxy.deadlines import BatchedTimers
from ccsproxy.proxy.interfaces import UpstreamTimings
from ccsproxy.proxy.resource import ProxyResource, RelayRoutes, Route
from ccsproxy.proxy.server.limits import Limits
from ccsproxy.proxy.server.refused import RefusedRecorder
from ccsproxy.proxy.server.site import RelaySite
from ccsproxy.proxy.upstream.connection import RelayConnection
from ccsproxy.proxy.upstream.link import Timeouts
from ccsproxy.proxy.upstream.pool import RelayPool
from ccsproxy.proxy.upstream.response import empty_response
from ccsproxy.runtime.write_batch import WriteBatch

HERE = IPv4Address("TCP", "127.0.0.1", 8787)
THERE = IPv4Address("TCP", "127.0.0.1", 50001)


class EndTransport(StringTransport):
    """A string transport that ends its connection, and remembers how."""

    def __init__(self, clock: Clock, peer: IPv4Address = THERE) -> None:
        super().__init__(hostAddress=HERE, peerAddress=peer)
        self.clock = clock
        self.protocol: Any = None
        self.aborted = False
        self.closed = False
        self.paused = 0

    def abortConnection(self) -> None:
        self.aborted = True
        self._end(ConnectionAborted())

    def loseConnection(self) -> None:
        self._end(ConnectionDone())

    def pauseProducing(self) -> None:
        self.paused += 1

    def resumeProducing(self) -> None:
        self.paused = 0

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer = producer
        self.streaming = streaming

    def unregisterProducer(self) -> None:
        self.producer = None

    def _end(self, reason: Exception) -> None:
        if not self.closed:
            self.closed = True
            self.clock.callLater(0, self.protocol.connectionLost, Failure(reason))


class Heard:
    """What capture was told of one exchange."""

    def __init__(self, head: RequestHead) -> None:
        self.head = head
        self.request = b""
        self.answer: ResponseHead | None = None
        self.pieces: list[bytes] = []
        self.endings: list[Ending] = []

    def request_body(self, data: bytes) -> None:
        self._check()
        self.request += data

    def response_head(self, head: ResponseHead) -> None:
        self._check()
        assert self.answer is None
        self.answer = head

    def response_body(self, data: bytes) -> None:
        self._check()
        self.pieces.append(data)

    def response_whole(self, outcome: str, kind: str, message: str) -> None:
        self._check()

    def end(self, ending: Ending) -> None:
        self._check()
        self.endings.append(ending)

    def _check(self) -> None:
        assert not self.endings, "told after the end"

    @property
    def ending(self) -> Ending:
        (ending,) = self.endings
        return ending

    @property
    def response(self) -> bytes:
        return b"".join(self.pieces)


class Listening:
    """A capture that keeps everything."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []

    def begin(self, head: RequestHead) -> Heard:
        self.heard.append(Heard(head))
        return self.heard[-1]


class Upstream:
    """One connection to the upstream, in memory."""

    def __init__(self, pool: RelayPool, clock: Clock) -> None:
        self.connection = RelayConnection(pool)
        self.transport = EndTransport(clock)
        self.transport.protocol = self.connection
        self.connection.makeConnection(self.transport)
        self._write_batch = pool.write_batch

    @property
    def got(self) -> bytes:
        return self.transport.value()

    def send(self, data: bytes) -> None:
        """Deliver bytes in a turn of their own."""
        self.transport.protocol.dataReceived(data)
        self._write_batch.flush()

    def lose(self, reason: Exception | None = None) -> None:
        self.transport.closed = True
        self.transport.protocol.connectionLost(Failure(reason or ConnectionDone()))
        self._write_batch.flush()


class WiredClient:
    """The client of one upstream: a new connection for each request, there at once or when the test says."""

    def __init__(self, clock: Clock, timeouts: Timeouts, write_batch: WriteBatch) -> None:
        self.clock = clock
        self.pool = RelayPool(clock, BatchedTimers(clock), timeouts, clock.seconds, write_batch)
        self.upstreams: list[Upstream] = []
        self.held: list[tuple[Deferred, tuple]] = []
        self.holding = False
        self.locals: set[tuple[str, int]] = set()

    def send(self, method, target, headers, data, marks: UpstreamTimings | None = None) -> Deferred:
        call = (method, target, headers, data, marks or UpstreamTimings())
        if self.holding:
            waiting: Deferred = Deferred()
            waiting.addCallback(lambda _: self._send(call))
            self.held.append((waiting, call))
            return waiting
        return self._send(call)

    def upgrade(self, target, headers, marks: UpstreamTimings) -> Deferred:
        upstream = Upstream(self.pool, self.clock)
        self.upstreams.append(upstream)
        return upstream.connection.upgrade(target, headers, marks)

    def tunnel(self, idle, marks: UpstreamTimings) -> Deferred:
        upstream = Upstream(self.pool, self.clock)
        self.upstreams.append(upstream)
        return succeed(upstream.connection.tunnel(idle))

    def _send(self, call: tuple) -> Deferred:
        upstream = Upstream(self.pool, self.clock)
        self.upstreams.append(upstream)
        call[4].connected = self.clock.seconds()
        return upstream.connection.request(*call)

    def is_own(self, peer: IPv4Address, host: IPv4Address) -> bool:
        return (peer.host, peer.port) in self.locals


class Client:
    """One client's connection."""

    def __init__(self, rig: "Rig", peer: IPv4Address = THERE) -> None:
        self._write_batch = rig.write_batch
        self.channel = rig.site.buildProtocol(peer)
        self.transport = EndTransport(rig.clock, peer)
        self.transport.protocol = self.channel
        self.channel.makeConnection(self.transport)

    @property
    def got(self) -> bytes:
        return self.transport.value()

    @property
    def status(self) -> int:
        return int(self.got.split(b" ", 2)[1]) if self.got else 0

    def send(self, data: bytes, step: int = 0) -> None:
        for start in range(0, len(data), step or len(data) or 1):
            if not self.transport.closed:
                self.channel.dataReceived(data[start : start + (step or len(data))])
                self._write_batch.flush()

    def leave(self) -> None:
        self.transport.closed = True
        self.channel.connectionLost(Failure(ConnectionLost()))


class Rig:
    """Everything together.

    :ivar write_batch: what is written waits for its end, as it does in a running proxy.
    :ivar stalled: for how many seconds the process has not run.
    :ivar gone: the transports whose peers have left, as the site's watch is told.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        capture: Any = None,
        timeouts: Timeouts | None = None,
        forward: Any = None,
        near: bool = False,
        **options: Any,
    ) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.capture = capture or Listening()
        self.guarded = GuardedCapture(self.capture)
        self.write_batch = WriteBatch()
        self.write_batch.collecting = True
        self.client = WiredClient(self.clock, timeouts or Timeouts(), self.write_batch)
        self.other = WiredClient(self.clock, timeouts or Timeouts(), self.write_batch)
        ids = IdSource(self.clock.seconds, lambda count: bytes(count))
        way = Route("anthropic", "anthropic", b"api.anthropic.com", b"", self.client, may_be_local=near)
        other = Route("openai", "openai", b"api.openai.com:8443", b"/base", self.other)
        ways = {"anthropic": way, "openai": other}
        self.stalled = 0.0
        relays = self.relays = RelayRoutes(
            self.guarded, ids, self.clock.seconds, lambda: self.stalled, empty_response
        )
        resource = ProxyResource(ways, way, relays, forward(self, relays) if forward is not None else None)
        self.gone: set[Any] = set()
        self.site = RelaySite(
            resource,
            self.clock,
            BatchedTimers(self.clock),
            RefusedRecorder(self.guarded, ids),
            limits or Limits(),
            self.clock.seconds,
            self.clock.seconds,
            is_gone=lambda transport: transport in self.gone,
            write_batch=self.write_batch,
            **options,
        )

    @property
    def heard(self) -> list[Heard]:
        return self.capture.heard

    @property
    def upstream(self) -> Upstream:
        return self.client.upstreams[-1]

    @property
    def forwarded(self) -> list[bytes]:
        return [upstream.got for client in (self.client, self.other) for upstream in client.upstreams]

    def settle(self, seconds: float = 0.0) -> None:
        self.clock.advance(seconds)
        self.write_batch.flush()
