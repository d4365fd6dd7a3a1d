"""The way through a corporate proxy, over real sockets."""

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol

from ccsproxy.config.model import Upstream as UpstreamSetting
from ccsproxy.proxy.deadlines import BatchedTimers
from ccsproxy.proxy.service import client_for
from ccsproxy.proxy.upstream.client import TransparentClient
from ccsproxy.proxy.upstream.http_proxy import CorporateProxy
from ccsproxy.proxy.upstream.link import Timeouts
from ccsproxy.proxy.upstream.tls import FailClosedPolicy, Trust
from test.integration.certificates import Certificate, dns
from test.integration.test_tls import HOST, TLSCase


class Pipe(Protocol):
    """The proxy's end of the connection to the upstream."""

    def __init__(self, client: "ConnectProxy") -> None:
        self.client = client

    def dataReceived(self, data: bytes) -> None:
        self.client.transport.write(data)

    def connectionLost(self, reason) -> None:
        self.client.transport.loseConnection()


class ConnectProxy(Protocol):
    """A proxy that knows CONNECT and sends every tunnel to one port."""

    pipe = None
    asked = b""

    def dataReceived(self, data: bytes) -> None:
        if self.pipe is not None:
            self.pipe.transport.write(data)
            return
        self.asked += data
        if self.asked.endswith(b"\r\n\r\n"):
            self.factory.asked.append(self.asked)
            way = TCP4ClientEndpoint(reactor, "127.0.0.1", self.factory.port)
            connectProtocol(way, Pipe(self)).addCallback(self.established)

    def established(self, pipe: Pipe) -> None:
        self.pipe = pipe
        self.transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

    def connectionLost(self, reason) -> None:
        if self.pipe is not None:
            self.pipe.transport.loseConnection()


class TunnelledTests(TLSCase):
    """TLS and plain HTTP reach the upstream through CONNECT."""

    def through(self, scheme: str, port: int) -> TransparentClient:
        factory = Factory.forProtocol(ConnectProxy)
        factory.noisy = False
        factory.port, factory.asked = port, []
        self.proxy = factory
        listening = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(listening.stopListening)
        upstream = UpstreamSetting(name="u", scheme=scheme, host=HOST, port=port)
        proxy = CorporateProxy("127.0.0.1", listening.getHost().port, b"Basic eHk=")
        policy = FailClosedPolicy(Trust(self.authority_file))
        client, self.pool = client_for(upstream, reactor, BatchedTimers(reactor), Timeouts(connect=5), policy, proxy)
        self.pools.append(self.pool)
        return client

    async def test_https(self) -> None:
        """The upstream's certificate is checked, its requests carry no proxy credentials, the tunnel is kept."""
        port = self.listen(Certificate("x", self.authority, names=dns(HOST)))
        client = self.through("https", port)
        for _ in range(2):
            self.assertEqual(await self.ask(client), (b"hi", "ResponseDone"))
        self.assertEqual(len(self.proxy.asked), 1)
        self.assertIn(b"CONNECT %b:%d HTTP/1.1\r\n" % (HOST.encode(), port), self.proxy.asked[0])
        self.assertNotIn(b"Proxy-Authorization", b"".join(self.upstream.requests))

    async def test_https_with_a_wrong_certificate(self) -> None:
        """A proxy in between is no reason to trust."""
        client = self.through("https", self.listen(Certificate("x", self.authority, names=dns("other.test"))))
        error = await self.refused(client)
        self.assertEqual(error.kind, "tls_handshake_failed")

    async def test_http(self) -> None:
        """Plain upstreams go through CONNECT too."""
        port = reactor.listenTCP(0, self.upstream, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        client = self.through("http", port.getHost().port)
        self.assertEqual(await self.ask(client), (b"hi", "ResponseDone"))

    async def test_a_name_that_is_resolved(self) -> None:
        """A direct upstream may be a name."""
        port = reactor.listenTCP(0, self.upstream, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        upstream = UpstreamSetting(name="u", scheme="http", host="localhost", port=port.getHost().port)
        client, pool = client_for(
            upstream, reactor, BatchedTimers(reactor), Timeouts(), FailClosedPolicy(Trust(self.authority_file))
        )
        self.pools.append(pool)
        self.assertEqual(await self.ask(client), (b"hi", "ResponseDone"))
        ours = next(iter(pool._live)).transport
        self.assertTrue(client.is_own(ours.getHost(), ours.getPeer()))
