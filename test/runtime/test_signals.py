"""Tests of what signals ask for."""

import os
import signal

from twisted.internet import defer, reactor, task
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from ccsproxy.runtime import signals
from ccsproxy.runtime.signals import TOGETHER, HangupSignals, StopSignals, is_daemon, is_managed


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

    def test_hang_up_never_cuts(self) -> None:
        """A terminal that closes while we stop already changes nothing."""
        stopping = StopSignals(None, lambda: self.asked.append("stop"), lambda: self.asked.append("cut"))
        stopping.hung_up()
        stopping.hung_up()
        stopping.received()
        self.assertEqual(self.asked, ["stop", "cut"])


class HangupSignalsTests(SynchronousTestCase):
    """What SIGHUP means depends on who got it, and on whether there is a terminal."""

    def setUp(self) -> None:
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        self.asked: list[str] = []
        self.clock = Clock()
        self.terminal = False
        self.daemon = False
        self.patch(signals, "has_terminal", lambda: self.terminal)
        self.patch(signals, "is_daemon", lambda: self.daemon)

    def signals(self, environ: dict[str, str] | None = None) -> HangupSignals:
        """Take the signal over."""
        asked = self.asked
        one = HangupSignals(
            None, lambda: asked.append("reload"), lambda: asked.append("end"), environ or {}, self.clock.seconds
        )
        one.install()
        return one

    def test_to_us_alone(self) -> None:
        """A supervisor's SIGHUP is a reload, again and again."""
        one = self.signals()
        one.received()
        one.received()
        self.assertEqual(self.asked, ["reload", "reload"])

    def test_to_all(self) -> None:
        """What our children get too is the end of a terminal, whoever hears of it first."""
        one = self.signals()
        one.received()
        one.child_received()
        self.assertEqual(self.asked, ["reload", "end"])
        other = self.signals()
        other.child_received()
        other.received()
        self.assertEqual(self.asked, ["reload", "end", "end"])

    def test_to_a_child_alone(self) -> None:
        """Somebody who signals the recorder alone ends nothing, now or later."""
        one = self.signals()
        one.child_received()
        self.clock.advance(TOGETHER + 1)
        one.received()
        self.assertEqual(self.asked, ["reload"])

    def test_terminal_is_there(self) -> None:
        """As long as our terminal is open, nobody has closed it."""
        self.terminal = True
        one = self.signals()
        one.child_received()
        one.received()
        self.assertEqual(self.asked, ["reload"])
        self.terminal = False
        one.received()
        self.assertEqual(self.asked, ["reload", "end"])

    def test_immune(self) -> None:
        """Under nohup, as a daemon and under systemd, SIGHUP to all is a reload."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for environ, daemon in (({}, False), ({"NOTIFY_SOCKET": "/run/x"}, False), ({}, True)):
            self.daemon = daemon
            one = self.signals(environ)
            one.received()
            one.child_received()
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
        self.assertEqual(self.asked, ["reload"] * 3)

    def test_who_manages(self) -> None:
        """A shell in a terminal that systemd has started is no service."""
        self.assertTrue(is_managed({"SYSTEMD_EXEC_PID": str(os.getpid())}))
        self.assertFalse(is_managed({"SYSTEMD_EXEC_PID": "1", "INVOCATION_ID": "x"}))
        self.assertFalse(is_daemon() and os.getppid() != 1)
