"""The way through a corporate proxy, over real sockets."""

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol

from ccsproxy.config.model import Upstream as UpstreamSetting
from ccsproxy.proxy.deadlines import BatchedTimers
from ccsproxy.proxy.upstream.client import TransparentClient
from ccsproxy.proxy.upstream.endpoints.http_proxy import CorporateProxy
from ccsproxy.proxy.upstream.endpoints.make_client import client_for
from ccsproxy.proxy.upstream.endpoints.tls_policy import FailClosedPolicy, Trust
from ccsproxy.proxy.upstream.link import Timeouts
from test.integration.certificates import Certificate, dns
from test.integration.test_tls import HOST, OK, ServerContext, TLSCase


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


class PassingProxy(Protocol):
    """A proxy that answers requests in absolute-form itself."""

    def connectionMade(self) -> None:
        self.buffer = b""

    def dataReceived(self, data: bytes) -> None:
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            self.factory.asked.append(head)
            self.transport.write(getattr(self.factory, "answer", OK))


class TunnelledTests(TLSCase):
    """Upstreams are reached through proxies: https by CONNECT, http in absolute-form."""

    def through(self, scheme: str, port: int, protocol=ConnectProxy, tls=None) -> TransparentClient:
        factory = Factory.forProtocol(protocol)
        factory.noisy = False
        factory.port, factory.asked = port, []
        self.proxy = factory
        if tls is None:
            listening = reactor.listenTCP(0, factory, interface="127.0.0.1")
        else:
            listening = reactor.listenSSL(0, factory, tls, interface="127.0.0.1")
        self.addCleanup(listening.stopListening)
        upstream = UpstreamSetting(name="u", scheme=scheme, host=HOST, port=port)
        where = ("127.0.0.1", "http") if tls is None else ("localhost", "https")
        proxy = CorporateProxy(where[0], listening.getHost().port, b"Basic eHk=", where[1])
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
        """Plain upstreams are asked in absolute-form, as all clients do it; the login ends at the proxy."""
        client = self.through("http", 8000, PassingProxy)
        for _ in range(2):
            self.assertEqual(await self.ask(client), (b"hi", "ResponseDone"))
        head = b"GET http://%b:8000/ HTTP/1.1\r\nProxy-Authorization: Basic eHk=\r\nHost: %b" % ((HOST.encode(),) * 2)
        self.assertEqual(self.proxy.asked, [head, head])

    async def test_http_and_a_proxy_that_wants_a_login(self) -> None:
        """Its 407 is not the client's business."""
        client = self.through("http", 8000, PassingProxy)
        self.proxy.answer = b"HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno"
        error = await self.refused(client)
        self.assertEqual(error.kind, "upstream_unreachable")
        self.assertIn("--upstream-proxy", error.message)

    async def test_a_proxy_that_speaks_tls(self) -> None:
        """Its certificate is checked, ours is not shown to it, and the upstream's TLS goes through its own."""
        port = self.listen(Certificate("x", self.authority, names=dns(HOST)))
        pem = Certificate("proxy", self.authority, names=dns("localhost")).write(self.directory)
        client = self.through("https", port, tls=ServerContext(pem))
        for _ in range(2):
            self.assertEqual(await self.ask(client), (b"hi", "ResponseDone"))
        self.assertEqual(len(self.proxy.asked), 1)
        size = 1 << 20
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
        self.upstream.answer = lambda protocol: protocol.transport.write(head + b"x" * size)
        self.assertEqual(len((await self.ask(client))[0]), size)

    async def test_a_proxy_that_speaks_tls_and_is_another(self) -> None:
        """A proxy whose certificate is for somebody else gets no request."""
        pem = Certificate("proxy", self.authority, names=dns("other.test")).write(self.directory)
        client = self.through("https", 443, tls=ServerContext(pem))
        await self.refused(client)
        self.assertEqual(self.proxy.asked, [])

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
