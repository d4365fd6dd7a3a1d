"""Signals: SIGTERM and SIGINT stop (contract, section 8), SIGHUP rereads the configuration (section 1).

SIGHUP has two meanings that only its circumstances tell apart. A person or a supervisor sends it to the service's
main process and means: read your configuration again, open your log again. The system sends it to everything that
belongs to a terminal when that terminal is closed, and means: the end. `HangupSignals` tells them apart; in doubt the
service lives on, because a reload harms nobody.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

#: What a child writes to its standard output when it gets SIGHUP; nothing else is written there.
HANGUP = b"\0hangup"
#: SIGHUP to our children and SIGHUP to us are one signal to all when we hear of them within so many seconds. A child
#: that is still starting, or that a busy machine holds up at its low priority, tells late.
TOGETHER = 60.0
#: Signals that a terminal or a service manager sends to a whole group of processes at once.
_OF_THE_GROUP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Turns signals into calls in the reactor's own turn.

    :param stop: called for the first signal.
    :param cut: called for each further one.
    """

    def __init__(self, reactor: Any, stop: Callable[[], object], cut: Callable[[], object]) -> None:
        self._reactor, self._stop, self._cut = reactor, stop, cut
        self._stopping = False

    def install(self) -> None:
        """Take the two signals over from the reactor; to be called in the main thread while it runs."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._received)

    def _received(self, number: int, frame: FrameType | None) -> None:
        # Signal handlers run between any two instructions: only hand over, and wake the reactor.
        self._reactor.callFromThread(self.received)

    def received(self) -> None:
        """Do what one more signal asks for."""
        if self._stopping:
            self._cut()
            return
        self._stopping = True
        self._stop()

    def hung_up(self) -> None:
        """Stop because the terminal is gone; unlike a second signal, this never cuts."""
        if not self._stopping:
            self.received()


def on_restart(reactor: Any, restart: Callable[[], object]) -> None:
    """Call something in the reactor's own turn for each SIGUSR2; to be called in the main thread."""
    signal.signal(signal.SIGUSR2, lambda number, frame: reactor.callFromThread(restart))


class HangupSignals:
    """Tells SIGHUP as a request to read the configuration again from SIGHUP as the end of a terminal.

    It is the end when the terminal that we had is gone, or when our children got the signal too and neither a service
    manager nor `twistd`'s daemon mode stands between us and a terminal. Under ``nohup``, which ignores the signal for
    us before we run, it is never the end.

    :param reload: called to read the configuration again.
    :param hung_up: called when the terminal is gone; perhaps more than once.
    """

    def __init__(
        self,
        reactor: Any,
        reload: Callable[[], object],
        hung_up: Callable[[], object],
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reactor, self._reload, self._hung_up = reactor, reload, hung_up
        self._clock = clock
        self._ours = self._childrens = float("-inf")
        self._had_terminal = False
        self._immune = is_managed(environ) or is_daemon()

    def install(self) -> None:
        """Take the signal over; to be called in the main thread."""
        if not hasattr(signal, "SIGHUP"):
            return
        self._had_terminal = has_terminal()
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
            self._immune = True
        signal.signal(signal.SIGHUP, self._received)

    def _received(self, number: int, frame: FrameType | None) -> None:
        self._reactor.callFromThread(self.received)

    def received(self) -> None:
        """Deal with one SIGHUP of our own."""
        self._ours = self._clock()
        if self._is_the_end():
            self._hung_up()
        else:
            self._reload()

    def child_received(self) -> None:
        """Take note that a child of ours has got SIGHUP, before or after us."""
        self._childrens = self._clock()
        if self._is_the_end():
            self._hung_up()

    def _is_the_end(self) -> bool:
        if self._immune:
            return False
        if self._had_terminal:
            return self._ours > float("-inf") and not has_terminal()
        return abs(self._ours - self._childrens) <= TOGETHER


def is_managed(environ: Mapping[str, str]) -> bool:
    """Tell whether systemd has started this very process, and not some terminal's program that it has started."""
    return "NOTIFY_SOCKET" in environ or environ.get("SYSTEMD_EXEC_PID") == str(os.getpid())


def is_daemon() -> bool:
    """Tell whether we have left our terminal for good: a child of init, in a session that another has begun."""
    return os.getppid() == 1 and os.getsid(0) != os.getpid()


def has_terminal() -> bool:
    """Tell whether there is a terminal that controls us."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


@contextmanager
def held_back() -> Iterator[None]:
    """Start a child in this: signals to the group wait until it calls `leave_signals_to_parent`.

    Without it, a closing terminal would kill a child in the first tenths of a second of its life.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_THE_GROUP)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_signals_to_parent() -> None:
    """Let a child outlive the signals that a terminal or service manager sends to all; its parent ends it in order.

    The parent is told of SIGHUP, see `HangupSignals`. To be called in the child's main thread, before its reactor
    runs.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, _tell_parent)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _OF_THE_GROUP)


def _tell_parent(number: int, frame: FrameType | None) -> None:
    try:
        os.write(1, HANGUP + b"\n")
    except OSError:
        return  # the parent is gone, and we are about to end with it
