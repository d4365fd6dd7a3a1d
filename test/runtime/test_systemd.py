"""Tests of the sd_notify messages."""

import os
import socket

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.runtime.systemd import Notifier


class NotifierTests(SynchronousTestCase):
    """The service manager hears what sd_notify(3) describes."""

    def setUp(self) -> None:
        """Listen as systemd would."""
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(f"\0ccsproxy-test-{os.getpid()}-{id(self)}")
        self.manager.setblocking(False)
        self.environ = {"NOTIFY_SOCKET": "@" + self.manager.getsockname()[1:].decode()}
        self.clock = Clock()

    def heard(self) -> list[str]:
        """Return the messages since the last call."""
        messages = []
        while True:
            try:
                messages.append(self.manager.recv(4096).decode())
            except BlockingIOError:
                return messages

    def test_ready_and_stopping(self) -> None:
        """READY comes with a status, STOPPING alone."""
        notifier = Notifier(self.clock, self.environ)
        notifier.ready("proxy on 1")
        notifier.stopping()
        self.assertEqual(self.heard(), ["READY=1\nSTATUS=proxy on 1", "STOPPING=1"])

    def test_watchdog_is_fed_at_half_its_interval(self) -> None:
        """One sign of life each half interval, until closed."""
        notifier = Notifier(
            self.clock, {**self.environ, "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(os.getpid())}
        )
        notifier.ready("")
        self.heard()
        self.clock.pump([1, 1, 1])
        self.assertEqual(self.heard(), ["WATCHDOG=1"] * 3)
        notifier.close()
        self.clock.pump([1, 1])
        self.assertEqual((self.heard(), self.clock.getDelayedCalls()), ([], []))

    def test_another_process_watchdog_is_not_ours(self) -> None:
        """WATCHDOG_PID of somebody else arms nothing."""
        Notifier(self.clock, {**self.environ, "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}).ready("")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_without_a_manager_nothing_happens(self) -> None:
        """No socket, a socket that is gone: silence."""
        Notifier(self.clock, {}).ready("")
        Notifier(self.clock, {"NOTIFY_SOCKET": "/nowhere/at/all"}).ready("")
        self.assertEqual(self.heard(), [])
