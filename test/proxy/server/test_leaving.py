"""Clients that leave: closed or reset once they have everything, aborted if they take nothing for too long."""

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.proxy.deadlines import BatchedTimers, Deadline
from ccsproxy.proxy.server.leaving import LingeringClose, ResetWhenTaken
from ccsproxy.proxy.server.limits import Limits


class Wire:
    """The transport of a `SlowClient`."""

    def __init__(self, clock: Clock) -> None:
        self.reactor, self.disconnected = clock, False


class SlowClient:
    """A client's connection whose other end takes bytes when the test says so.

    :ivar outstanding: how many bytes it has not taken.
    """

    def __init__(self, clock: Clock, outstanding: int) -> None:
        self.limits = Limits(connections=1)
        self.transport: Any = Wire(clock)
        self.deadline = Deadline(BatchedTimers(clock), lambda call: call())
        self.blocked = False
        self.outstanding, self._all = outstanding, outstanding
        self.aborted_at: float | None = None

    def acknowledged_bytes(self) -> int:
        return self._all - self.outstanding

    def abort_transport(self) -> None:
        self.aborted_at = self.transport.reactor.seconds()


class LeavingTestCase(SynchronousTestCase):
    """A client that has not taken everything when its connection ends."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.client = SlowClient(self.clock, 100)

    def wait(self, seconds: float) -> None:
        for _ in range(int(seconds * 10)):
            self.clock.advance(0.1)


class LingeringCloseTests(LeavingTestCase):
    """The end of a connection whose client may still be reading."""

    def test_client_that_has_everything(self) -> None:
        """It gets a moment to close by itself."""
        self.client.outstanding = 0
        LingeringClose(self.client, self.clock.seconds).begin()
        self.wait(4)
        self.assertIsNone(self.client.aborted_at)
        self.wait(4)
        self.assertIsNotNone(self.client.aborted_at)

    def test_client_that_reads_slowly(self) -> None:
        """It is waited for as long as it takes something now and then, and a moment longer."""
        LingeringClose(self.client, self.clock.seconds).begin()
        for _ in range(10):
            self.wait(200)
            self.client.outstanding -= 10
            self.assertIsNone(self.client.aborted_at)
        self.wait(10)
        self.assertIsNotNone(self.client.aborted_at)

    def test_client_that_takes_nothing(self) -> None:
        """It is aborted as in the middle of a response."""
        LingeringClose(self.client, self.clock.seconds).begin()
        self.wait(290)
        self.assertIsNone(self.client.aborted_at)
        self.wait(20)
        self.assertIsNotNone(self.client.aborted_at)


class ResetWhenTakenTests(LeavingTestCase):
    """A cut body that only the end of its connection delimits."""

    def test_client_that_has_everything(self) -> None:
        """It is told at once."""
        self.client.outstanding = 0
        ResetWhenTaken(self.client, self.clock.seconds).begin()
        self.assertEqual(self.client.aborted_at, 0)

    def test_client_that_reads_late(self) -> None:
        """First everything, then the reset, without delay."""
        ResetWhenTaken(self.client, self.clock.seconds).begin()
        self.wait(100)
        self.assertIsNone(self.client.aborted_at)
        self.client.outstanding = 0
        self.wait(0.2)
        self.assertIsNotNone(self.client.aborted_at)

    def test_client_that_takes_nothing(self) -> None:
        """It is not waited for for ever."""
        ResetWhenTaken(self.client, self.clock.seconds).begin()
        self.wait(299)
        self.assertIsNone(self.client.aborted_at)
        self.wait(2)
        self.assertIsNotNone(self.client.aborted_at)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_connection_that_is_gone(self) -> None:
        """Nothing is left to wait for."""
        self.client.transport.disconnected = True
        ResetWhenTaken(self.client, self.clock.seconds).begin()
        self.assertEqual(self.client.aborted_at, 0)
