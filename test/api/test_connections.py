"""However many readers come, those within the limit are served, and the others are told."""

import json
import os
import resource
import socket
from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.api.answer import Refused
from ccsproxy.api.connections import (
    CHECKS,
    GRACE,
    HEAD_TIME,
    MOST_CONNECTIONS,
    STALL,
    ApiChannel,
    ConnectionLimit,
    connection_cap,
    unacknowledged,
)
from test.api.scene import PORT, make_scene

HEALTH = b"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % PORT


class Wire(StringTransport):
    """A connection in memory, of which the system holds bytes that the reader has not taken."""

    def __init__(self) -> None:
        super().__init__()
        self.reader, self.writer = socket.socketpair()
        self.aborted = False

    def getHandle(self) -> socket.socket:
        return self.writer

    def abortConnection(self) -> None:
        self.aborted = True

    def hold(self) -> None:
        """Let the system hold a hundred pieces of a hundred bytes."""
        for _ in range(100):
            self.writer.send(b"x" * 100)

    def close(self) -> None:
        self.reader.close()
        self.writer.close()


class LimitCase(SynchronousTestCase):
    """An API server with room for two."""

    def setUp(self) -> None:
        self.server, self.clock = make_scene(most=2)
        self.site = self.server.site(self.clock)

    def connect(self) -> tuple[Any, Wire]:
        channel, wire = self.site.buildProtocol(None), Wire()
        self.addCleanup(wire.close)
        channel.makeConnection(wire)
        return channel, wire

    def ask(self, channel: Any, wire: Wire) -> tuple[bytes, bytes]:
        wire.clear()
        channel.dataReceived(HEALTH)
        head, _, body = wire.value().partition(b"\r\n\r\n")
        return head, body


class ConnectionLimitTests(LimitCase):
    """Too many connections."""

    def test_one_too_many(self) -> None:
        """It is told so, in JSON and with when to come back, and closed; the others do not notice."""
        first, second = self.connect(), self.connect()
        surplus, wire = self.connect()
        head, body = self.ask(surplus, wire)
        self.assertIn(b" 503 ", head)
        for field in (b"Retry-After: 5", b"Connection: close", b"X-Content-Type-Options: nosniff"):
            self.assertIn(field, head)
        error = json.loads(body)["error"]
        self.assertEqual(error["type"], "too_many_connections")
        self.assertIn("All 2 connections to the API are in use; close", error["message"])
        self.assertTrue(wire.disconnecting)
        for channel, other in (first, second):
            self.assertIn(b" 200 ", self.ask(channel, other)[0])
            self.assertFalse(other.disconnecting)

    def test_room_again(self) -> None:
        """Who leaves makes room, whether it was served or not."""
        first, _ = self.connect()
        self.connect()
        surplus, _ = self.connect()
        for channel in (surplus, first):
            channel.connectionLost(None)
        self.assertIn(b" 200 ", self.ask(*self.connect())[0])
        self.assertEqual(len(self.server.limit), 2)

    def test_far_too_many(self) -> None:
        """Not even all who are too many are told; the metrics count them."""
        channel, wire = self.connect()
        for _ in range(1 + GRACE):
            self.connect()
        self.assertIsNone(self.site.buildProtocol(None))
        channel.dataReceived(HEALTH.replace(b"/api/health", b"/metrics"))
        self.assertIn(b"\nccsproxy_api_connections %.1f\n" % (2 + GRACE), wire.value())
        self.assertIn(b"\nccsproxy_api_connections_refused_total %.1f\n" % (1 + GRACE), wire.value())

    def test_cap(self) -> None:
        """The limit fits below that of open files, and leaves some for what is read."""
        self.assertEqual(connection_cap(1 << 20), MOST_CONNECTIONS)
        self.assertEqual(connection_cap(resource.RLIM_INFINITY), MOST_CONNECTIONS)
        self.assertEqual(connection_cap(256), 160)
        self.assertEqual(connection_cap(16), 2)


class HalfHeadTests(LimitCase):
    """Heads that come slowly, or never."""

    def setUp(self) -> None:
        super().setUp()
        self.limit = ConnectionLimit(400, self.clock.seconds)
        self.dropped: list[object] = []

    def enter(self, name: str, peer: str = "127.0.0.1") -> None:
        self.limit.enter(name, lambda: self.dropped.append(name), peer)

    def test_one_address_does_not_shut_others_out(self) -> None:
        """However fast it opens connections, a quarter is all that it may keep waiting; its slowest goes."""
        for number in range(1000):
            self.enter(f"slow {number}", "10.0.0.9")
        self.assertEqual(len(self.limit), 100)
        self.assertEqual(self.dropped[:2], ["slow 0", "slow 1"])
        self.enter("browser")
        self.limit.admit("browser")

    def test_the_same_address(self) -> None:
        """A browser beside it, which asks at once, is served; what it has under way is never dropped."""
        for number in range(250):
            self.enter(f"slow {number}")
            self.enter(f"browser {number}")
            self.limit.admit(f"browser {number}")
            self.limit.request_started(f"browser {number}")
        self.assertFalse([name for name in self.dropped if str(name).startswith("browser")])

    def test_idle_connections_count(self) -> None:
        """One that has been answered waits again, and is counted once."""
        self.enter("first")
        for _ in range(50):
            self.limit.request_started("first")
            self.limit.request_awaited("first", lambda: self.dropped.append("first"), "127.0.0.1")
        self.assertEqual(self.dropped, [])
        for number in range(100):
            self.enter(f"later {number}")
        self.assertEqual(self.dropped, ["first"])

    def test_over_connections(self) -> None:
        """Hundreds of half heads, and a browser that asks among them."""
        self.server.limit.most = 400
        wires = []
        for number in range(300):
            channel, wire = self.connect()
            channel.dataReceived(b"GET /api/health HTTP/1.1\r\nHost: 127")
            wires.append(wire)
            if number % 20 == 0:
                self.assertIn(b" 200 ", self.ask(*self.connect())[0])
        self.assertGreaterEqual(sum(wire.aborted for wire in wires), 200)


class StallTests(LimitCase):
    """Readers that do not read."""

    def stalled(self) -> tuple[ApiChannel, Wire]:
        """Connect a reader that does not take the middle of an answer."""
        channel, wire = self.connect()
        channel.setTimeout(None)
        wire.hold()
        channel.pauseProducing()
        return channel, wire

    def test_taking_nothing(self) -> None:
        """A reader that takes nothing for the stated time is broken off, and not before."""
        channel, wire = self.stalled()
        self.clock.pump([STALL / CHECKS] * (CHECKS - 1))
        self.assertFalse(wire.aborted)
        self.clock.advance(STALL / CHECKS)
        self.assertTrue(wire.aborted)
        channel.connectionLost(None)  # type: ignore[arg-type]
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_taking_little(self) -> None:
        """A reader that takes a little now and then is let be."""
        if unacknowledged(self.connect()[1]) is None:
            self.skipTest("the system does not say how much it holds")
        channel, wire = self.stalled()
        for _ in range(5):
            wire.reader.recv(1000)
            self.clock.pump([STALL / CHECKS] * (CHECKS - 1))
        self.assertFalse(wire.aborted)
        channel.resumeProducing()
        self.clock.pump([STALL / CHECKS] * 2 * CHECKS)
        self.assertFalse(wire.aborted)

    def test_idle_but_not_done(self) -> None:
        """An answer that is still being taken when its connection has been idle for too long is not cut off."""
        channel, wire = self.connect()
        wire.hold()
        self.ask(channel, wire)
        for _ in range(2 * CHECKS):
            wire.reader.recv(100)
            self.clock.advance(STALL / CHECKS)
        self.assertTrue(wire.disconnecting)
        self.assertFalse(wire.aborted)

    def test_not_taking_the_end(self) -> None:
        """A reader that does not take the rest before the connection is closed holds it no longer than others."""
        channel, wire = self.connect()
        wire.hold()
        channel.dataReceived(HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        self.assertTrue(wire.disconnecting)
        self.clock.pump([STALL / CHECKS] * CHECKS)
        self.assertTrue(wire.aborted)
        channel.connectionLost(None)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_unknown(self) -> None:
        """Where the system does not say what it holds, the time alone counts."""
        self.assertIsNone(unacknowledged(StringTransport()))
        reading, writing = os.pipe()
        os.close(reading)
        self.addCleanup(os.close, writing)
        self.assertIsNone(unacknowledged(type("Pipe", (), {"getHandle": lambda _: writing})()))


class SlowestTests(SynchronousTestCase):
    """Connections that only drip give way to new ones."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.limit = ConnectionLimit(3, self.clock.seconds)
        self.dropped: list[int] = []

    def enter(self, *names: int) -> None:
        for name in names:
            self.limit.enter(name, lambda name=name: self.dropped.append(name))

    def admitted(self, name: int) -> bool:
        try:
            self.limit.admit(name)
        except Refused:
            return False
        return True

    def test_the_slowest_gives_way(self) -> None:
        """The one that has waited longest is dropped, and the new one is served."""
        self.enter(1, 2, 3)
        self.limit.request_started(1)
        self.clock.advance(HEAD_TIME)
        self.enter(4)
        self.assertEqual((self.dropped, self.admitted(4), len(self.limit)), ([2], True, 3))

    def test_not_at_once(self) -> None:
        """Who has just come is left alone, and the new one is told that there are too many."""
        self.enter(1, 2, 3, 4)
        self.assertEqual((self.dropped, self.admitted(4), self.limit.refused), ([], False, 1))

    def test_nothing_under_way_is_dropped(self) -> None:
        """Requests that are being answered keep their connections."""
        self.enter(1, 2, 3)
        for name in (1, 2, 3):
            self.limit.request_started(name)
        self.clock.advance(HEAD_TIME * 10)
        self.enter(4)
        self.assertEqual((self.dropped, self.admitted(4)), ([], False))
        self.limit.request_awaited(2, lambda: self.dropped.append(2))
        self.clock.advance(HEAD_TIME)
        self.enter(5)
        self.assertEqual((self.dropped, len(self.limit)), ([4], 4))
