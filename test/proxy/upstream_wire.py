"""An upstream connection in memory, for the tests of the client side."""

from collections.abc import Iterator

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from ccsproxy.exchange.fieldlines import joined
from ccsproxy.proxy.deadlines import BatchedTimers
from ccsproxy.proxy.interfaces import UpstreamTimings
from ccsproxy.proxy.upstream.connection import RelayConnection
from ccsproxy.proxy.upstream.link import Timeouts
from ccsproxy.proxy.upstream.pool import RelayPool


class WireTransport(StringTransport):
    """A string transport that remembers how it was closed."""

    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True
        self.disconnecting = True


class Collector(Protocol):
    """A body protocol that keeps the pieces and the end."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.endings: list[Failure] = []

    def dataReceived(self, data: bytes) -> None:
        self.pieces.append(data)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.endings.append(reason)

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def ending(self) -> str:
        return self.endings[0].type.__name__ if self.endings else ""


@implementer(IBodyProducer)
class ScriptedBody:
    """A request body whose pieces the test writes."""

    def __init__(self, length: object = UNKNOWN_LENGTH, at_once: tuple[bytes, ...] = (), done: bool = False) -> None:
        self.length = length
        self.at_once = at_once
        self.done = done
        self.calls: list[str] = []
        self.consumer = None
        self.finished: Deferred[None] = Deferred()

    def startProducing(self, consumer):
        self.consumer = consumer
        for piece in self.at_once:
            consumer.write(piece)
        if self.done:
            self.finished.callback(None)
        return self.finished

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.calls.append("resume")

    def stopProducing(self) -> None:
        self.calls.append("stop")


class Wire:
    """A pool and one connection of it, in memory.

    :ivar outcome: what the request's Deferred fired with, a response or a failure.
    """

    def __init__(self, timeouts: Timeouts | None = None) -> None:
        self.clock = Clock()
        self.pool = RelayPool(self.clock, BatchedTimers(self.clock), timeouts, self.clock.seconds)
        self.connection, self.transport = self.connect()
        self.outcome: object = None
        self.collector = Collector()
        self.marks = UpstreamTimings()

    def connect(self) -> tuple[RelayConnection, WireTransport]:
        connection = RelayConnection(self.pool)
        transport = WireTransport()
        connection.makeConnection(transport)
        return connection, transport

    def ask(self, method: bytes = b"GET", data: object = None, *, deliver: bool = True, headers=()) -> Deferred:
        waiting = self.connection.request(method, b"/", joined([(b"Host", b"u"), *headers]), data, self.marks)
        waiting.addBoth(self._came, deliver)
        return waiting

    def _came(self, outcome: object, deliver: bool) -> None:
        self.outcome = outcome
        if deliver and not isinstance(outcome, Failure):
            outcome.deliverBody(self.collector)

    def lose(self, reason: BaseException) -> None:
        self.connection.connectionLost(Failure(reason))

    @property
    def error(self) -> BaseException:
        assert isinstance(self.outcome, Failure), self.outcome
        return self.outcome.value

    @property
    def reused(self) -> bool:
        return self.pool.idle_count == 1


def splits(data: bytes) -> Iterator[list[bytes]]:
    """Yield data whole, byte by byte, and cut in two at every position."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    for i in range(1, len(data)):
        yield [data[:i], data[i:]]
