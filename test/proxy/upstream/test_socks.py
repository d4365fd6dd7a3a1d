"""Tests of the SOCKS5 endpoint: the request follows what the proxy has opened, and nothing else."""

from twisted.internet.defer import CancelledError
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.proxy.deadlines import BatchedTimers
from ccsproxy.proxy.errors import UpstreamUnreachable
from ccsproxy.proxy.upstream.client import RelayAgent
from ccsproxy.proxy.upstream.endpoints.socks import SocksEndpoint
from ccsproxy.proxy.upstream.pool import RelayPool
from test.proxy.upstream_wire import WireTransport

OPENED = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90"


class SocksTests(SynchronousTestCase):
    """SOCKS5 as RFC 1928 has it, from the first byte."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.pool = RelayPool(self.reactor, BatchedTimers(self.reactor))

    def ask(self, host: str = "up.example", login: tuple[str, str] | None = None):
        """Ask through the proxy, and connect to it."""
        way = TCP4ClientEndpoint(self.reactor, "192.0.2.1", 1080)
        agent = RelayAgent(self.pool, SocksEndpoint(way, host, 443, login))
        waiting = agent.send(b"GET", b"/", b"Host: up.example\r\n")
        protocol = self.reactor.tcpClients[-1][2].buildProtocol(None)
        transport = WireTransport()
        transport.protocol = protocol
        protocol.makeConnection(transport)
        return waiting, transport

    def say(self, transport: WireTransport, data: bytes) -> bytes:
        """Let the proxy say something, byte by byte; return what is said then."""
        transport.clear()
        for byte in data:
            transport.protocol.dataReceived(bytes([byte]))
        return transport.value()

    def test_name_then_the_request(self) -> None:
        """The name goes to the proxy as it is, and the request follows on the same connection."""
        waiting, transport = self.ask()
        self.assertEqual(transport.value(), b"\x05\x01\x00")
        self.assertEqual(self.say(transport, b"\x05\x00"), b"\x05\x01\x00\x03\x0aup.example\x01\xbb")
        self.assertEqual(self.say(transport, OPENED), b"GET / HTTP/1.1\r\nHost: up.example\r\n\r\n")
        self.say(transport, b"HTTP/1.1 204 No Content\r\n\r\n")
        self.assertEqual(self.successResultOf(waiting).code, 204)
        self.assertEqual(self.pool.idle_count, 1)

    def test_login(self) -> None:
        """User and password are sent when the proxy asks for them (RFC 1929)."""
        _, transport = self.ask(login=("me", "pw"))
        self.assertEqual(transport.value(), b"\x05\x02\x00\x02")
        self.assertEqual(self.say(transport, b"\x05\x02"), b"\x01\x02me\x02pw")
        self.assertTrue(self.say(transport, b"\x01\x00").startswith(b"\x05\x01\x00\x03"))

    def test_addresses(self) -> None:
        """Addresses of both versions are sent as such."""
        for host, kind in (("192.0.2.7", b"\x01\xc0\x00\x02\x07"), ("2001:db8::1", b"\x04\x20\x01\x0d\xb8")):
            _, transport = self.ask(host)
            self.assertIn(kind, self.say(transport, b"\x05\x00"))

    def test_refusals(self) -> None:
        """Each refusal says that it was the proxy, and closes the connection."""
        for answers in (
            [b"\x05\xff"],
            [b"HT"],
            [b"\x05\x00", b"\x05\x02\x00"],
            [b"\x05\x00", b"\x05\x05\x00"],
            [b"\x05\x00", b"\x05\x77\x00"],
            [b"\x05\x00", OPENED[:3] + b"\x09" + OPENED[4:]],
        ):
            waiting, transport = self.ask()
            for answer in answers:
                self.say(transport, answer)
            error = self.failureResultOf(waiting, UpstreamUnreachable).value
            self.assertIn("SOCKS", error.message, answers)
            self.assertTrue(transport.disconnecting or transport.disconnected or transport.aborting, answers)

    def test_out_of_turn(self) -> None:
        """Bytes behind the opening would be read as the upstream's answer; the connection is not used."""
        waiting, transport = self.ask()
        self.say(transport, b"\x05\x00")
        transport.protocol.dataReceived(OPENED + b"HTTP/1.1 200 OK\r\n\r\n")
        self.assertIn("unexpected data", self.failureResultOf(waiting, UpstreamUnreachable).value.message)

    def test_gone(self) -> None:
        """A proxy that closes in the middle, or that cannot be reached, fails the request."""
        waiting, transport = self.ask()
        transport.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertIn("closed the connection", self.failureResultOf(waiting, UpstreamUnreachable).value.message)
        way = TCP4ClientEndpoint(self.reactor, "192.0.2.1", 1080)
        waiting = RelayAgent(self.pool, SocksEndpoint(way, "up.example", 443)).send(b"GET", b"/", b"")
        factory = self.reactor.tcpClients[-1][2]
        factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))
        self.assertIn("cannot be reached", self.failureResultOf(waiting, UpstreamUnreachable).value.message)

    def test_given_up(self) -> None:
        """Who stops waiting closes the connection, before and after it is there."""
        waiting, transport = self.ask()
        self.say(transport, b"\x05\x00")
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertTrue(transport.disconnecting or transport.disconnected or transport.aborting)
