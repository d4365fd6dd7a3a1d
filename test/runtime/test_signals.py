"""Tests of what signals ask for."""

import os
import signal

from twisted.internet import defer, reactor, task
from twisted.trial.unittest import TestCase

from ccsproxy.runtime.signals import StopSignals


class StopSignalsTests(TestCase):
    """The first signal stops, each further one cuts."""

    def setUp(self) -> None:
        """Keep the handlers that trial has installed."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.asked: list[str] = []

    @defer.inlineCallbacks
    def test_real_signals(self):
        """SIGTERM, then SIGINT, then SIGTERM: stop, cut, cut, each in the reactor's turn."""
        done = [defer.Deferred() for _ in range(3)]

        def note(what: str) -> None:
            self.asked.append(what)
            done[len(self.asked) - 1].callback(None)

        # The reactor takes the signals when it starts to run, so it has to run first, as in the service.
        yield task.deferLater(reactor, 0, lambda: None)
        StopSignals(reactor, lambda: note("stop"), lambda: note("cut")).install()
        for number, one in zip((signal.SIGTERM, signal.SIGINT, signal.SIGTERM), done, strict=True):
            os.kill(os.getpid(), number)
            yield one
        self.assertEqual(self.asked, ["stop", "cut", "cut"])
