"""The process that ccsproxy runs in: limits, clock, signals, predecessor and successor, and its service manager."""

import os
from collections.abc import Callable
from typing import Any

from ccsproxy.runtime.clock import use_monotonic_clock
from ccsproxy.runtime.epoll import install_fast_epoll
from ccsproxy.runtime.restart import Restarts
from ccsproxy.runtime.signals import HangupSignals, StopSignals, on_restart
from ccsproxy.runtime.sockets.listening import Listeners
from ccsproxy.runtime.systemd import Notifier
from ccsproxy.runtime.takeover import Inherited
from ccsproxy.runtime.tuning import freeze_gc, raise_descriptor_limit
from ccsproxy.runtime.write_batch import WriteBatch


class OwnProcess:
    """Sets up the process of a service, and tells the service what the process is told.

    A service that is embedded in another program does not own its process: that program's limits, clock, signals,
    environment and service manager are left alone, and every method here does nothing.

    Order of calls: `prepare` before the first socket is opened, `take_signals` when the reactor runs.

    :ivar inherited: what a predecessor has handed over, empty if there is none.
    :ivar listeners: opens listening sockets, or takes inherited ones.
    :ivar notifier: reports our state to systemd.
    """

    def __init__(
        self, reactor: Any, reload: Callable[[], object], cut: Callable[[], object], *, owned: bool = True
    ) -> None:
        """Read what the process has inherited; nothing is changed yet.

        :param reload: called for a SIGHUP that asks to reload the configuration.
        :param cut: called for each signal to stop after the first, which stops the reactor.
        :param owned: whether the process is ours to change.
        """
        environ = os.environ if owned else {}
        self._reactor, self._owned = reactor, owned
        self.inherited = Inherited.of(environ)
        self.listeners = Listeners(reactor, self.inherited)
        self.notifier = Notifier(reactor, environ)
        self._stops = StopSignals(reactor, reactor.stop, cut)
        self._hangups = HangupSignals(reactor, reload, self._stops.hung_up, environ)
        self._restarts = Restarts(reactor, self.listeners, self._succeeded)

    def prepare(self, connections: int) -> None:
        """Set limits and clock.

        :param connections: how many clients may be connected at once.
        """
        if self._owned:
            raise_descriptor_limit(connections)
            use_monotonic_clock(self._reactor)

    def take_signals(self, write_batch: WriteBatch) -> None:
        """Handle signals from now on, and tune collector and poller; call it in the main thread.

        :param write_batch: what one turn of the reactor sends, which the poller flushes at the end of the turn.
        """
        if self._owned:
            self._stops.install()
            self._hangups.install()
            on_restart(self._reactor, self._restarts.begin)
            freeze_gc()
            install_fast_epoll(self._reactor, write_batch)

    def child_hung_up(self) -> None:
        """Take the report of a child process that it got SIGHUP."""
        if self._owned:
            self._hangups.child_received()

    def _succeeded(self, pid: int) -> None:
        self.notifier.succeeded_by(pid)
        self._stops.received()
