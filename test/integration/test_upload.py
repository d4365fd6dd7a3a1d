"""Uploads into an upstream that does not read, over real sockets."""

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Cooperator

from ccsproxy.config.model import Upstream as UpstreamSetting
from ccsproxy.proxy.deadlines import BatchedTimers
from ccsproxy.proxy.upstream.endpoints.make_client import client_for
from ccsproxy.proxy.upstream.endpoints.tls_policy import FailClosedPolicy, Trust
from ccsproxy.proxy.upstream.link import Timeouts
from test.integration.certificates import Certificate, dns
from test.integration.test_tls import HOST, Body, ServerContext, TLSCase
from test.proxy.upstream_wire import ScriptedBody

PIECE = b"x" * 65536


class Flood(ScriptedBody):
    """Writes pieces as long as it is not paused, up to a length."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.written = 0
        self.running = True

    def startProducing(self, consumer):
        self.consumer = consumer
        one_step = Cooperator(lambda: lambda: True, lambda call: reactor.callLater(0, call))
        one_step.cooperate(self.flood())
        return self.finished

    def flood(self):
        while self.written < self.length and "stop" not in self.calls:
            if self.running:
                self.written += len(PIECE)
                self.consumer.write(PIECE)
            yield
        if "stop" not in self.calls:
            self.finished.callback(None)

    def pauseProducing(self) -> None:
        self.running = False

    def resumeProducing(self) -> None:
        self.running = True


class Stubborn(Protocol):
    """Reads nothing until its factory says so, then counts and answers."""

    def connectionMade(self) -> None:
        self.factory.connections.append(self)
        self.transport.pauseProducing()

    def dataReceived(self, data: bytes) -> None:
        self.factory.got += len(data)
        if self.factory.got >= self.factory.wanted and not self.factory.answered:
            self.factory.answered = True
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    def connectionLost(self, reason) -> None:
        self.factory.lost += 1


class UploadTests(TLSCase):
    """Backpressure reaches the producer, and nothing is lost when the upstream reads on."""

    async def upload(self, scheme: str) -> None:
        factory = Factory.forProtocol(Stubborn)
        factory.noisy = False
        size = 512 * len(PIECE)
        factory.connections, factory.got, factory.wanted, factory.lost, factory.answered = [], 0, size, 0, False
        self.upstream = factory
        if scheme == "https":
            pem = Certificate("x", self.authority, names=dns("localhost")).write(self.directory)
            port = reactor.listenSSL(0, factory, ServerContext(pem), interface="127.0.0.1")
        else:
            port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        where = UpstreamSetting(name="u", scheme=scheme, host="localhost", port=port.getHost().port)
        policy = FailClosedPolicy(Trust(self.authority_file))
        client, self.pool = client_for(where, reactor, BatchedTimers(reactor), Timeouts(), policy)
        self.pools.append(self.pool)
        body = Flood(size)
        fields = b"Host: %b\r\nContent-Length: %d\r\n" % (HOST.encode(), size)
        waiting = client.send(b"POST", b"/", fields, body)
        if scheme == "http":
            await self.pause(0.3)
            self.assertFalse(body.running)
            # What the two kernels hold; of ours it is at most a piece.
            self.assertLess(body.written, 16 << 20)
            factory.connections[0].transport.resumeProducing()
        response = await waiting
        collector = Body()
        response.deliverBody(collector)
        self.assertEqual(await collector.done, (b"hi", "ResponseDone"))
        self.assertGreaterEqual(factory.got, size)

    async def test_plain(self) -> None:
        """32 MiB over a plain socket that stands still for a while."""
        await self.upload("http")

    async def test_tls(self) -> None:
        """32 MiB under TLS."""
        Stubborn.connectionMade, original = lambda p: p.factory.connections.append(p), Stubborn.connectionMade
        self.addCleanup(setattr, Stubborn, "connectionMade", original)
        await self.upload("https")
