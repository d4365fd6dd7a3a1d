"""Connections used again, over real sockets: upstreams that close at the worst moments."""

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from ccsproxy.config.model import Upstream
from ccsproxy.proxy.deadlines import BatchedTimers
from ccsproxy.proxy.errors import RelayError
from ccsproxy.proxy.upstream.endpoints.make_client import client_for
from ccsproxy.proxy.upstream.endpoints.tls_policy import FailClosedPolicy, Trust
from ccsproxy.proxy.upstream.link import Timeouts
from test.integration.test_tls import Body
from test.proxy.upstream_wire import ScriptedBody


class Closing(Protocol):
    """Answers each POST, and closes as its factory says."""

    buffer = b""

    def dataReceived(self, data: bytes) -> None:
        self.buffer += data
        if self.buffer.endswith(b"body"):
            self.factory.seen.append(self.buffer.split(b" ")[1])
            self.buffer = b""
            self.factory.answer(self)


class ClosingUpstream(Factory):
    """An upstream that closes; `seen` are the targets of the requests it got."""

    protocol = Closing
    noisy = False

    def __init__(self, answer) -> None:
        self.seen: list[bytes] = []
        self.answer = answer


class ReuseTests(TestCase):
    """POSTs cost money: none fails without need, none is sent twice."""

    timeout = 60

    def start(self, answer) -> ClosingUpstream:
        upstream = ClosingUpstream(answer)
        port = reactor.listenTCP(0, upstream, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        where = Upstream(name="u", scheme="http", host="127.0.0.1", port=port.getHost().port)
        policy = FailClosedPolicy(Trust())
        self.client, self.pool = client_for(where, reactor, BatchedTimers(reactor), Timeouts(), policy)
        self.addCleanup(self.settle)
        return upstream

    async def settle(self) -> None:
        await self.pool.closeCachedConnections()
        await self.pause(0.05)

    def pause(self, seconds: float) -> Deferred[None]:
        waiting: Deferred[None] = Deferred()
        reactor.callLater(seconds, waiting.callback, None)
        return waiting

    async def post(self, target: bytes) -> str:
        body = ScriptedBody(4, (b"body",), True)
        try:
            response = await self.client.send(b"POST", target, b"Content-Length: 4\r\n", body)
        except RelayError as error:
            return error.kind
        collector = Body()
        response.deliverBody(collector)
        return (await collector.done)[1]

    async def test_an_upstream_that_says_close_in_its_own_spelling(self) -> None:
        """60 POSTs to an upstream that answers `Connection: Close` and closes: 60 answers."""

        def answer(protocol: Closing) -> None:
            protocol.transport.write(b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nok")
            protocol.transport.loseConnection()

        upstream = self.start(answer)
        endings = [await self.post(b"/%d" % number) for number in range(60)]
        self.assertEqual(endings, ["ResponseDone"] * 60)
        self.assertEqual(len(upstream.seen), 60)

    async def test_an_upstream_that_closes_without_a_word(self) -> None:
        """An upstream that closes after each answer although it promised to stay: seen before the next request."""

        def answer(protocol: Closing) -> None:
            protocol.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            protocol.transport.loseConnection()

        upstream = self.start(answer)
        endings = []
        for number in range(60):
            endings.append(await self.post(b"/%d" % number))
            await self.pause(0)
        self.assertEqual(len(upstream.seen), len(set(upstream.seen)))
        self.assertTrue(set(endings) <= {"ResponseDone", "upstream_reset_before_response"})

    async def test_an_upstream_that_closes_around_our_request(self) -> None:
        """Closing at any moment around the next request may cost it, but never sends it twice."""
        delays = iter([step * 0.00005 for step in range(-1, 60)] * 4)

        def answer(protocol: Closing) -> None:
            protocol.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            reactor.callLater(max(0.0, next(delays)), protocol.transport.loseConnection)

        upstream = self.start(answer)
        endings = []
        for number in range(200):
            endings.append(await self.post(b"/%d" % number))
            await self.pause(0.001)
        self.assertEqual(len(upstream.seen), len(set(upstream.seen)))
        self.assertEqual(len(endings), 200)
        self.assertTrue(set(endings) <= {"ResponseDone", "upstream_reset_before_response"})
        self.assertGreater(endings.count("ResponseDone"), 100)
        await self.pause(0.05)
