"""Tests for `ccsproxy.proxy.transport`, and for what it relies on in Twisted's own transports."""

import socket

from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.proxy.transport import (
    close_writing,
    receive_directly,
    send_now,
    sends_directly,
    tune,
    unacknowledged,
    unsent,
)


class Producing:
    """A producer that counts."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.calls.append("resume")

    def stopProducing(self) -> None:
        self.calls.append("stop")


class SendNowTests(SynchronousTestCase):
    """Writing to a real socket whose reactor does nothing by itself."""

    def setUp(self) -> None:
        ours, self.peer = socket.socketpair()
        self.addCleanup(self.peer.close)
        self.addCleanup(ours.close)
        self.peer.setblocking(False)
        self.reactor = MemoryReactorClock()
        self.transport = Connection(ours, Protocol(), self.reactor)
        self.transport.connected = 1
        self.producer = Producing()
        self.transport.registerProducer(self.producer, True)

    def read(self) -> bytes:
        data = b""
        try:
            while piece := self.peer.recv(1 << 20):
                data += piece
        except BlockingIOError:
            pass
        return data

    def test_it_is_sent_before_the_reactor_runs(self) -> None:
        """The peer has it when the call returns, and nothing is left to do."""
        self.assertTrue(send_now(self.transport, b"hello"))
        self.assertEqual(self.read(), b"hello")
        self.assertEqual(self.reactor.getWriters(), [])
        self.assertEqual(unsent(self.transport), 0)

    def test_what_is_not_taken_is_kept_in_order(self) -> None:
        """The rest and what follows it leave later, the producer waits and is resumed when all has gone."""
        much = bytes(range(256)) * 16384
        self.assertFalse(send_now(self.transport, much))
        self.assertFalse(send_now(self.transport, b"more"))
        self.assertEqual(self.producer.calls[0], "pause")
        self.assertGreater(unsent(self.transport), 0)
        got = b""
        while unsent(self.transport):
            got += self.read()
            self.transport.doWrite()
        got += self.read()
        self.assertEqual(got, much + b"more")
        self.assertEqual(self.producer.calls[-1], "resume")

    def test_the_producer_hears_of_the_end_of_a_small_rest_too(self) -> None:
        """Twisted alone resumes only what it has paused, which takes 64 KiB."""
        size = 0
        while send_now(self.transport, b"a" * 1000):
            size += 1000
        self.assertEqual(self.producer.calls, [])
        self.read()
        self.transport.doWrite()
        self.assertEqual(self.producer.calls, ["resume"])

    def test_asking_changes_nothing(self) -> None:
        """An empty piece tells whether something waits."""
        self.assertTrue(send_now(self.transport, b""))
        self.assertEqual(self.read(), b"")

    def test_a_lost_peer_is_left_to_the_reactor(self) -> None:
        """An error is no exception here; the transport reports it in its own time."""
        self.peer.close()
        send_now(self.transport, b"a")
        self.assertFalse(send_now(self.transport, b"b"))
        self.assertIn(self.transport, self.reactor.getWriters())

    def test_nothing_is_sent_on_a_connection_that_is_lost(self) -> None:
        """As with Twisted's own write."""
        self.transport.connected = 0
        self.assertTrue(send_now(self.transport, b"a"))
        self.assertEqual(self.read(), b"")

    def test_tls_and_memory_are_left_alone(self) -> None:
        """Nothing goes past a layer that encrypts."""
        self.transport.TLS = True
        self.assertFalse(sends_directly(self.transport))
        memory = StringTransport()
        self.assertTrue(send_now(memory, b"a"))
        self.assertEqual(memory.value(), b"a")
        self.assertFalse(close_writing(memory))
        self.assertIsNone(unacknowledged(memory))
        tune(memory)

    def test_what_the_system_holds_is_known(self) -> None:
        """What the peer's system has taken is no longer counted."""
        self.assertEqual(unacknowledged(self.transport), 0)


class Noting(Protocol):
    """Notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def connectionMade(self) -> None:
        receive_directly(self.transport, self)

    def dataReceived(self, data: bytes) -> None:
        self.heard.append(data)

    def connectionLost(self, reason: object = None) -> None:
        self.heard.append("lost")


class ReceiveDirectlyTests(SynchronousTestCase):
    """Reading past what an endpoint leaves in between."""

    def test_nothing_is_heard_twice_or_missed(self) -> None:
        """A protocol that an endpoint has connected hears reads and the end from the socket itself."""
        ours, peer = socket.socketpair()
        self.addCleanup(peer.close)
        reactor = MemoryReactorClock()
        noting = Noting()
        connecting = TCP4ClientEndpoint(reactor, "127.0.0.1", 9).connect(Factory.forProtocol(lambda: noting))
        wrapper = reactor.tcpClients[0][2].buildProtocol(None)
        transport = Connection(ours, wrapper, reactor)
        transport.connected = 1
        wrapper.makeConnection(transport)
        self.assertIs(self.successResultOf(connecting), noting)
        self.assertIs(transport.protocol, noting)
        peer.send(b"hello")
        transport.doRead()
        transport.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(noting.heard, [b"hello", "lost"])

    def test_memory_is_left_alone(self) -> None:
        """A transport without a socket keeps its protocol."""
        memory = StringTransport()
        receive_directly(memory, Noting())
        self.assertFalse(hasattr(memory, "protocol"))
