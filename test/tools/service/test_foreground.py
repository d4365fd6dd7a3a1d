"""Tests of the service in the foreground: when it ends by itself."""

import signal
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.launch.leases import stay_up
from ccsproxy.tools.service import foreground
from ccsproxy.tools.service.foreground import LOOK_EVERY, LOOKS, end_when_unwanted


class UnwantedTests(SynchronousTestCase):
    """A service that a launcher started ends with the last who wants it."""

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp()).absolute()
        self.clock, self.told = Clock(), []
        self.patch(foreground.os, "kill", lambda pid, number: self.told.append(number))
        end_when_unwanted(self.clock, self.data_dir)

    def look(self, times: int) -> None:
        """Let so many looks pass."""
        for _ in range(times):
            self.clock.advance(LOOK_EVERY)

    def test_one_look_is_not_enough(self) -> None:
        """The launcher may only be about to take its lease; then the service is ended, once."""
        self.look(LOOKS - 1)
        self.assertEqual(self.told, [])
        self.look(1)
        self.assertEqual(self.told, [signal.SIGTERM])
        self.look(9)
        self.assertEqual(self.told, [signal.SIGTERM])

    def test_who_comes_back_in_time(self) -> None:
        """Looks that find somebody begin the count anew."""
        self.look(LOOKS - 1)
        stay_up(self.data_dir, up=True)
        self.look(5)
        stay_up(self.data_dir, up=False)
        self.look(LOOKS - 1)
        self.assertEqual(self.told, [])
        self.look(1)
        self.assertEqual(self.told, [signal.SIGTERM])
