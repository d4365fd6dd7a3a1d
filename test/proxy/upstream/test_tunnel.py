"""Tests of `ccsproxy.proxy.upstream.endpoints.tunnel`: CONNECT through a corporate proxy."""

from twisted.internet.defer import CancelledError
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.proxy.deadlines import BatchedTimers
from ccsproxy.proxy.upstream.client import RelayAgent
from ccsproxy.proxy.upstream.endpoints.tunnel import TunnelEndpoint
from ccsproxy.proxy.upstream.link import Timeouts
from ccsproxy.proxy.upstream.pool import RelayPool
from test.proxy.upstream_wire import WireTransport


class TunnelTests(SynchronousTestCase):
    """The real request follows an accepted CONNECT, and nothing else."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.pool = RelayPool(self.reactor, BatchedTimers(self.reactor), Timeouts())

    def ask(self, host: str = "up.example"):
        """Ask through the proxy, and connect to it."""
        way = TCP4ClientEndpoint(self.reactor, "192.0.2.1", 3128)
        agent = RelayAgent(self.pool, TunnelEndpoint(way, host, 443, b"Basic eHk="))
        waiting = agent.send(b"GET", b"/", b"Host: up.example\r\n")
        protocol = self.reactor.tcpClients[-1][2].buildProtocol(None)
        transport = WireTransport()
        transport.protocol = protocol
        protocol.makeConnection(transport)
        return waiting, transport

    def test_connect_then_the_request(self) -> None:
        """CONNECT carries authority and login; the request follows on the same connection without either."""
        waiting, transport = self.ask()
        expected = (
            b"CONNECT up.example:443 HTTP/1.1\r\nHost: up.example:443\r\nProxy-Authorization: Basic eHk=\r\n\r\n"
        )
        self.assertEqual(transport.value(), expected)
        transport.clear()
        for byte in b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n":
            transport.protocol.dataReceived(bytes([byte]))
        self.assertEqual(transport.value(), b"GET / HTTP/1.1\r\nHost: up.example\r\n\r\n")
        transport.protocol.dataReceived(b"HTTP/1.1 204 No Content\r\n\r\n")
        self.assertEqual(self.successResultOf(waiting).code, 204)
        self.assertEqual(self.pool.idle_count, 1)

    def test_an_address_of_version_six(self) -> None:
        """It stands in brackets."""
        _, transport = self.ask("2001:db8::1")
        self.assertTrue(transport.value().startswith(b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\n"))

    def test_refusals(self) -> None:
        """Each refusal is a 502 with a sentence that blames the proxy, and closes the connection."""
        for answer, word in (
            (b"HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic\r\n\r\n", "login"),
            (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nno!", "status 502"),
            (b"HTTP/1.1 403 No\r\n\r\n", "status 403"),
            (b"HTTP/1.1 200 OK\r\n\r\nsurplus", "status 200"),
            (b"SSH-2.0-x\r\n", "HTTP/1.1"),
            (b"HTTP/1.1 200 OK\nX: y\n\n", "HTTP/1.1"),
        ):
            waiting, transport = self.ask()
            transport.protocol.dataReceived(answer)
            error = self.failureResultOf(waiting).value
            self.assertEqual((error.kind, error.status), ("upstream_unreachable", 502))
            self.assertIn(word, error.message)
            self.assertNotIn("eHk=", error.message)
            self.assertTrue(transport.aborted)

    def test_a_proxy_that_closes(self) -> None:
        """No answer is an error too."""
        waiting, transport = self.ask()
        transport.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertIn("without an answer", self.failureResultOf(waiting).value.message)

    def test_a_proxy_that_is_not_there(self) -> None:
        """The sentence says that it is the proxy that cannot be reached."""
        way = TCP4ClientEndpoint(self.reactor, "192.0.2.1", 3128)
        waiting = RelayAgent(self.pool, TunnelEndpoint(way, "u", 443)).send(b"GET", b"/", b"")
        self.reactor.tcpClients[-1][2].clientConnectionFailed(None, Failure(ConnectionRefusedError()))
        self.assertIn("--upstream-proxy", self.failureResultOf(waiting).value.message)

    def test_leaving_while_the_proxy_thinks(self) -> None:
        """Cancelling closes the connection to the proxy."""
        waiting, transport = self.ask()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertTrue(transport.aborted)
