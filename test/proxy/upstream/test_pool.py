"""Tests of the upstream pool and client: which connection carries a request, and how often."""

import socket

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError, DNSLookupError
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.proxy.deadlines import BatchedTimers
from ccsproxy.proxy.interfaces import UpstreamTimings
from ccsproxy.proxy.upstream.client import RelayAgent, TransparentClient
from ccsproxy.proxy.upstream.link import SocketProbe, Timeouts
from ccsproxy.proxy.upstream.pool import RelayPool
from ccsproxy.runtime.write_batch import WriteBatch
from test.proxy.upstream_wire import Collector, ScriptedBody, Wire, WireTransport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Endpoint:
    """An endpoint whose connections the test makes."""

    def __init__(self) -> None:
        self.attempts: list[tuple[object, Deferred]] = []
        self.cancelled = 0

    def connect(self, factory) -> Deferred:
        attempt: Deferred = Deferred(self._count)
        self.attempts.append((factory, attempt))
        return attempt

    def _count(self, _: Deferred) -> None:
        self.cancelled += 1

    def succeed(self) -> WireTransport:
        factory, attempt = self.attempts.pop(0)
        protocol = factory.buildProtocol(None)
        transport = WireTransport()
        transport.protocol = protocol
        protocol.makeConnection(transport)
        attempt.callback(protocol)
        return transport


class PoolCase(SynchronousTestCase):
    """A client over a pool and an endpoint in memory."""

    def setUp(self) -> None:
        wire = Wire(Timeouts(connect=10, first_byte=600, idle=300))
        self.clock, self.pool = wire.clock, wire.pool
        wire.connection.abort()
        self.endpoint = Endpoint()
        self.client = TransparentClient(RelayAgent(self.pool, self.endpoint))

    def exchange(self, answer: bytes = OK) -> WireTransport:
        """Make a whole exchange on a new connection."""
        waiting = self.client.send(b"GET", b"/", b"")
        transport = self.endpoint.succeed()
        transport.protocol.dataReceived(answer)
        self.successResultOf(waiting)
        return transport


class ReuseTests(PoolCase):
    """A connection is used again only when that is certain to be safe."""

    def test_newest_first(self) -> None:
        """The connection used last is the one least likely to have been closed."""
        first = self.client.send(b"GET", b"/1", b"")
        second = self.client.send(b"GET", b"/2", b"")
        one, two = self.endpoint.succeed(), self.endpoint.succeed()
        two.protocol.dataReceived(OK)
        one.protocol.dataReceived(OK)
        self.successResultOf(first)
        self.successResultOf(second)
        self.client.send(b"GET", b"/3", b"")
        self.assertIn(b"/3", one.value())
        self.assertEqual(self.endpoint.attempts, [])

    def test_not_for_ever(self) -> None:
        """An idle connection is closed when its time is over, each at its own."""
        self.pool.cachedConnectionTimeout = 30
        first = self.client.send(b"GET", b"/1", b"")
        self.client.send(b"GET", b"/2", b"")
        one, two = self.endpoint.succeed(), self.endpoint.succeed()
        one.protocol.dataReceived(OK)
        self.successResultOf(first)
        self.clock.advance(10)
        two.protocol.dataReceived(OK)
        self.clock.pump([1] * 20)
        self.assertEqual((one.disconnecting, two.disconnecting, self.pool.idle_count), (True, False, 1))
        self.clock.pump([1] * 10)
        self.assertEqual((two.disconnecting, self.pool.idle_count), (True, 0))

    def test_no_more_than_the_cap(self) -> None:
        """Beyond the cap the oldest idle connection is closed."""
        self.pool.maxPersistentPerHost = 2
        waiting = [self.client.send(b"GET", b"/", b"") for _ in range(3)]
        transports = [self.endpoint.succeed() for _ in waiting]
        for transport in transports:
            transport.protocol.dataReceived(OK)
        self.assertEqual([t.disconnecting for t in transports], [True, False, False])

    def test_not_when_bytes_came_while_idle(self) -> None:
        """Bytes nobody asked for close the connection."""
        transport = self.exchange()
        transport.protocol.dataReceived(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        self.assertTrue(transport.aborted)
        self.assertEqual(self.pool.idle_count, 0)

    def test_not_when_it_was_closed_while_idle(self) -> None:
        """A connection its peer has closed leaves the pool."""
        transport = self.exchange()
        transport.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual((self.pool.idle_count, self.pool.live_count), (0, 0))

    def test_not_when_it_is_being_closed(self) -> None:
        """A transport that is on its way out is not written to."""
        transport = self.exchange()
        transport.disconnecting = True
        self.client.send(b"GET", b"/2", b"")
        self.assertNotIn(b"/2", transport.value())
        self.assertEqual(len(self.endpoint.attempts), 1)

    def test_marks_tell_of_reuse(self) -> None:
        """Whoever asked learns whether the connection was new."""
        wire = Wire()
        marks = wire.marks
        self.exchange()
        self.client.send(b"GET", b"/", b"", marks=marks)
        self.assertEqual((marks.reused, marks.connected, marks.request_sent), (True, 0.0, 0.0))

    def test_closing_the_pool(self) -> None:
        """Idle connections close at once, busy ones after their exchange; no timer is left."""
        idle = self.exchange()
        self.client.send(b"GET", b"/", b"")
        again = self.client.send(b"GET", b"/", b"")
        busy = self.endpoint.succeed()
        self.successResultOf(self.pool.closeCachedConnections())
        for transport in (idle, busy):
            transport.protocol.dataReceived(OK)
        self.successResultOf(again)
        self.assertTrue(idle.disconnecting and busy.disconnecting)
        for transport in (idle, busy):
            transport.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.clock.getDelayedCalls(), [])


class OnceTests(PoolCase):
    """No request is sent twice."""

    def test_a_reused_connection_that_dies_is_an_error(self) -> None:
        """What was written on it may have been acted upon, whatever the method."""
        for method in (b"POST", b"GET"):
            transport = self.exchange()
            body = ScriptedBody(1, (b"x",), True) if method == b"POST" else None
            waiting = self.client.send(method, b"/2", b"", body)
            transport.protocol.connectionLost(Failure(ConnectionLost()))
            error = self.failureResultOf(waiting).value
            self.assertEqual((error.kind, error.status), ("upstream_reset_before_response", 502))
            self.assertEqual(self.endpoint.attempts, [])

    def test_a_dead_connection_is_found_before_the_body_is_started(self) -> None:
        """Nothing of the request has left then, so a fresh connection carries it, once."""
        dead = self.exchange()
        left, right = socket.socketpair()
        self.addCleanup(left.close)
        right.close()
        dead.socket = left
        body = ScriptedBody(1, (b"x",), True)
        self.client.send(b"POST", b"/2", b"", body)
        self.assertIsNone(body.consumer)
        self.assertTrue(dead.aborted)
        fresh = self.endpoint.succeed()
        self.assertTrue(fresh.value().endswith(b"\r\n\r\nx"))

    def test_a_head_that_cannot_be_written(self) -> None:
        """A mistake in the head is the caller's error and costs the connection, not the pool."""
        waiting = self.client.send(b"GET", b"/", b"A: \n\r\n")
        transport = self.endpoint.succeed()
        self.failureResultOf(waiting, ValueError)
        transport.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(self.pool.live_count, 0)


class PeekTests(SynchronousTestCase):
    """A socket is looked at before it is trusted."""

    def test_open_surplus_and_closed(self) -> None:
        """Only an open socket without unread bytes is quiet; looking takes nothing away."""
        left, right = socket.socketpair()
        self.addCleanup(left.close)
        transport = WireTransport()
        transport.socket = left
        peek = SocketProbe(transport)
        self.assertTrue(peek.is_quiet())
        right.send(b"x")
        self.assertFalse(peek.is_quiet())
        self.assertEqual(left.recv(10), b"x")
        right.close()
        self.assertFalse(peek.is_quiet())
        left.close()
        self.assertFalse(peek.is_quiet())

    def test_under_tls(self) -> None:
        """The socket below a wrapping transport counts."""
        left, right = socket.socketpair()
        self.addCleanup(left.close)
        inner, outer = WireTransport(), WireTransport()
        inner.socket, outer.transport = left, inner
        peek = SocketProbe(outer)
        self.assertTrue(peek.is_quiet())
        right.close()
        self.assertFalse(peek.is_quiet())


class ConnectTests(PoolCase):
    """What happens before there is a connection."""

    def test_the_connect_limit(self) -> None:
        """An attempt that takes too long is cancelled and is a 504 of its own kind."""
        waiting = self.client.send(b"GET", b"/", b"")
        self.clock.advance(9.9)
        self.assertNoResult(waiting)
        self.clock.advance(1.2)
        error = self.failureResultOf(waiting).value
        self.assertEqual((error.kind, error.status, error.error_type), ("connect_timeout", 504, "upstream_timeout"))
        self.assertEqual((self.endpoint.cancelled, self.clock.getDelayedCalls()), (1, []))

    def test_cancelling_the_attempt(self) -> None:
        """A client that leaves takes the attempt along, and its body is never started."""
        body = ScriptedBody()
        waiting = self.client.send(b"POST", b"/", b"", body)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual((self.endpoint.cancelled, body.consumer, self.clock.getDelayedCalls()), (1, None, []))

    def test_failed_attempts_are_unreachable(self) -> None:
        """Refused and unknown hosts are 502 with a sentence."""
        for cause, word in (
            (ConnectionRefusedError(), "refused"),
            (DNSLookupError(), "resolved"),
            (OSError(), "OSError"),
        ):
            waiting = self.client.send(b"GET", b"/", b"")
            self.endpoint.attempts.pop(0)[1].errback(Failure(cause))
            error = self.failureResultOf(waiting).value
            self.assertEqual((error.kind, error.status), ("upstream_unreachable", 502))
            self.assertIn(word, error.message)

    def test_our_own_addresses_are_known(self) -> None:
        """The other end of a live connection is recognised, also when mapped into IPv6, and forgotten afterwards."""
        waiting = self.client.send(b"GET", b"/", b"")
        transport = self.endpoint.succeed()
        ours, theirs = transport.getHost(), transport.getPeer()
        self.assertTrue(self.client.is_own(ours, theirs))
        mapped = [IPv6Address("TCP", "::ffff:" + end.host, end.port) for end in (ours, theirs)]
        self.assertTrue(self.client.is_own(*mapped))
        self.assertFalse(self.client.is_own(IPv4Address("TCP", ours.host, ours.port + 1), theirs))
        self.assertFalse(self.client.is_own(UNIXAddress(b"a"), UNIXAddress(b"b")))
        transport.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertFalse(self.client.is_own(ours, theirs))
        self.failureResultOf(waiting)

    def test_a_port_of_ours_may_be_a_clients_too(self) -> None:
        """The system gives one local port to connections with different peers: a client may have the same as we."""
        waiting = self.client.send(b"GET", b"/", b"")
        transport = self.endpoint.succeed()
        listening = IPv4Address("TCP", transport.getPeer().host, 8787)
        self.assertFalse(self.client.is_own(transport.getHost(), listening))
        transport.protocol.connectionLost(Failure(ConnectionLost()))
        self.failureResultOf(waiting)

    def test_treq_calls_through(self) -> None:
        """The client is treq's by type, and a body is collected as from any response."""
        from treq.client import HTTPClient

        self.assertIsInstance(self.client, HTTPClient)
        waiting = self.client.send(b"GET", b"/", b"")
        self.endpoint.succeed().protocol.dataReceived(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        collector = Collector()
        self.successResultOf(waiting).deliverBody(collector)
        self.assertEqual((collector.body, collector.ending), (b"hi", "ResponseDone"))


class KeepingTests(SynchronousTestCase):
    """For how long an idle connection is trusted."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.slept = 0.0
        self.endpoint = Endpoint()
        self.pool = RelayPool(self.clock, BatchedTimers(self.clock), Timeouts(), suspended=lambda: self.slept)
        self.client = TransparentClient(RelayAgent(self.pool, self.endpoint))

    def answered(self, extra: bytes = b"") -> WireTransport:
        """Have a request answered; return its connection."""
        waiting = self.client.send(b"GET", b"/", b"")
        transport = self.endpoint.succeed()
        transport.protocol.dataReceived(b"HTTP/1.1 200 OK\r\n%bContent-Length: 0\r\n\r\n" % extra)
        self.successResultOf(waiting)
        return transport

    def test_not_after_a_suspension(self) -> None:
        """What was kept while the machine slept may be dead without a word; a new connection is made."""
        kept = self.answered()
        self.slept = 5.0
        self.client.send(b"GET", b"/", b"")
        self.assertTrue(kept.aborted)
        self.assertEqual(len(self.endpoint.attempts), 1)

    def test_hint(self) -> None:
        """A connection is not used in the last second of the time that its upstream has announced."""
        for hint, after, again in (
            (b"Keep-Alive: timeout=5\r\n", 3.9, True),
            (b"Keep-Alive: timeout=5\r\n", 4.1, False),
            (b'keep-alive: max=100, timeout="5"\r\n', 4.1, False),
            (b"Keep-Alive: timeout=1\r\n", 0, False),
            (b"Keep-Alive: timeout=0\r\n", 0, False),
            (b"Keep-Alive: max=5\r\n", 80, True),
            (b"Keep-Alive: timeout=x\r\n", 80, True),
            (b"Keep-Alive: timeout=3600\r\n", 100, False),
        ):
            kept = self.answered(hint)
            self.clock.advance(after)
            self.assertEqual(self.pool.take() is kept.protocol, again, (hint, after))
            kept.protocol.abort()

    def test_none_kept(self) -> None:
        """``--upstream-keepalive 0`` keeps none."""
        self.pool.cachedConnectionTimeout = 0
        self.assertTrue(self.answered().disconnecting)
        self.assertEqual(self.pool.idle_count, 0)

    def test_hints_do_not_keep_others_from_being_closed(self) -> None:
        """Each idle connection is closed at its own time, in whatever order they came."""
        waiting = [self.client.send(b"GET", b"/", b"") for _ in range(2)]
        long, short = self.endpoint.succeed(), self.endpoint.succeed()
        long.protocol.dataReceived(OK)
        self.clock.advance(1)
        short.protocol.dataReceived(b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=10\r\nContent-Length: 0\r\n\r\n")
        for each in waiting:
            self.successResultOf(each)
        self.clock.pump([1] * 95)
        self.assertTrue(short.disconnecting)
        self.assertTrue(long.disconnecting)
        self.assertEqual(self.pool.idle_count, 0)


class NeverSentTests(SynchronousTestCase):
    """A request goes to a new connection only if not a byte of it has left on the old one."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.endpoint = Endpoint()
        self.write_batch = WriteBatch()
        self.pool = RelayPool(self.clock, BatchedTimers(self.clock), Timeouts(), write_batch=self.write_batch)
        self.client = TransparentClient(RelayAgent(self.pool, self.endpoint))
        waiting = self.client.send(b"GET", b"/", b"")
        self.kept = self.endpoint.succeed()
        self.kept.protocol.dataReceived(OK)
        self.successResultOf(waiting)
        self.kept.clear()
        self.write_batch.collecting = True
        self.timings = UpstreamTimings()

    def ask(self) -> Deferred:
        """Ask on the kept connection."""
        return self.client.send(b"POST", b"/", b"Content-Length: 0\r\n", None, self.timings)

    def test_lost_before_the_first_byte(self) -> None:
        """The whole request goes to a new connection, and its answer is the request's."""
        waiting = self.ask()
        self.assertTrue(self.timings.reused)
        self.kept.protocol.connectionLost(Failure(ConnectionDone()))
        fresh = self.endpoint.succeed()
        self.write_batch.flush()
        self.assertEqual(fresh.value(), b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        self.assertEqual(self.kept.value(), b"")
        fresh.protocol.dataReceived(OK)
        self.assertEqual(self.successResultOf(waiting).code, 200)
        self.assertFalse(self.timings.reused)

    def test_lost_after_the_first_byte(self) -> None:
        """What has left is never sent again."""
        waiting = self.ask()
        self.write_batch.flush()
        self.kept.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.failureResultOf(waiting).value.kind, "upstream_reset_before_response")
        self.assertEqual(self.endpoint.attempts, [])

    def test_given_up_meanwhile(self) -> None:
        """Who leaves while the new connection is being made cancels it."""
        waiting = self.ask()
        self.kept.protocol.connectionLost(Failure(ConnectionDone()))
        waiting.cancel()
        self.failureResultOf(waiting)
        self.assertEqual(self.pool.live_count, 0)
