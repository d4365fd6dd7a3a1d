"""Tests of the process that a service runs in, when it is ours and when it is another program's."""

import gc
import os
import signal
from collections.abc import Callable

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from ccsproxy.runtime import own_process
from ccsproxy.runtime.own_process import OwnProcess
from ccsproxy.runtime.takeover import VARIABLE
from ccsproxy.runtime.write_batch import WriteBatch

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2)


class EmbeddedTests(SynchronousTestCase):
    """A program that embeds ccsproxy keeps its process as it was."""

    def test_nothing_is_changed(self) -> None:
        """Handlers, environment, limits, clock and collector are the program's; a child's SIGHUP stops nothing."""
        os.environ[VARIABLE], os.environ["NOTIFY_SOCKET"] = '{"link": 9, "sockets": {}}', "/nowhere"
        self.addCleanup(os.environ.pop, VARIABLE)
        self.addCleanup(os.environ.pop, "NOTIFY_SOCKET")
        for name in ("raise_descriptor_limit", "use_monotonic_clock", "freeze_gc", "install_fast_epoll"):
            self.patch(own_process, name, lambda *given, name=name: self.fail(f"{name} was called"))
        before = [signal.getsignal(each) for each in _SIGNALS], gc.get_threshold()
        calls: list[str] = []
        clock = MemoryReactorClock()
        clock.stop = lambda: calls.append("stop")  # type: ignore[method-assign]
        process = OwnProcess(clock, lambda: calls.append("reload"), lambda: calls.append("cut"), owned=False)
        process.prepare(10_000)
        process.take_signals(WriteBatch())
        process.child_hung_up()
        self.patch(
            process.notifier, "_send", lambda message: calls.append(message) if process.notifier._address else 0
        )
        process.notifier.ready("up")
        self.assertEqual(calls, [])
        self.assertFalse(process.inherited)
        self.assertIn(VARIABLE, os.environ)
        self.assertEqual(before, ([signal.getsignal(each) for each in _SIGNALS], gc.get_threshold()))


class SignalReactor:
    """The part of a reactor that signals need; `stop` is a call to be noted, as trial ends a test by the real one."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self.stop = stop

    def callFromThread(self, call: Callable[[], object]) -> None:
        reactor.callFromThread(call)


class OwnedTests(TestCase):
    """In a process of our own, signals become calls."""

    def setUp(self) -> None:
        """Keep the handlers of trial, and leave collector and poller alone."""
        for number in _SIGNALS:
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        for name in ("freeze_gc", "install_fast_epoll"):
            self.patch(own_process, name, lambda *given: None)
        self.calls: list[str] = []
        self.reactor = SignalReactor(lambda: self.note("stop"))
        self.next: Deferred[None] = Deferred()

    def note(self, call: str) -> None:
        """Take a call."""
        self.calls.append(call)
        self.next, before = Deferred(), self.next
        before.callback(None)

    async def test_signals(self) -> None:
        """SIGHUP reloads, SIGTERM stops, the next one cuts; a successor stops us as the first signal does."""
        # The reactor takes the signals when it starts to run, so it has to run first, as in the service.
        await deferLater(reactor, 0, lambda: None)
        process = OwnProcess(self.reactor, lambda: self.note("reload"), lambda: self.note("cut"))
        process.take_signals(WriteBatch())
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGTERM):
            waiting = self.next
            os.kill(os.getpid(), number)
            await waiting
        self.assertEqual(self.calls, ["reload", "stop", "cut"])

    async def test_successor(self) -> None:
        """A successor that accepts connections stops us, and is the main process for systemd."""
        process = OwnProcess(self.reactor, lambda: None, lambda: self.note("cut"))
        told: list[int] = []
        self.patch(process.notifier, "succeeded_by", told.append)
        process._restarts._succeeded(4711)
        self.assertEqual((told, self.calls), ([4711], ["stop"]))
