"""Signals: SIGTERM and SIGINT stop the service, SIGHUP rereads the configuration (docs/http.md).

SIGHUP has two meanings that only the circumstances distinguish. A person or a supervisor sends it to the service's
main process to have it reload its configuration and reopen its log. The kernel sends it to all processes of a
terminal that is closed, to end them. `HangupSignals` tells the two apart; in doubt the service lives on, because a
reload does no harm.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

#: What a child process writes to its standard output when it gets SIGHUP; it writes nothing else there.
HANGUP = b"\0hangup"
#: SIGHUP to our children and SIGHUP to us count as one signal to all if we learn of them within this many seconds. A
#: child that is still starting, or that a busy machine holds up at its low priority, reports late.
TOGETHER = 60.0
#: Ends a child that is still starting, and is ignored by one that has started: only the child knows which it is.
END_IF_STARTING = signal.SIGUSR1
#: Signals that a terminal or a service manager sends to a whole process group at once.
_OF_THE_GROUP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Turns signals into calls in a reactor turn.

    :param stop: called for the first signal.
    :param cut: called for each further signal.
    """

    def __init__(self, reactor: Any, stop: Callable[[], object], cut: Callable[[], object]) -> None:
        self._reactor, self._stop, self._cut = reactor, stop, cut
        self._stopping = False

    def install(self) -> None:
        """Replace the reactor's handlers; must be called in the main thread while the reactor runs."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._received)

    def _received(self, number: int, frame: FrameType | None) -> None:
        # Signal handlers run between any two instructions: only schedule a call, and wake the reactor.
        self._reactor.callFromThread(self.received)

    def received(self) -> None:
        """Act on one more signal."""
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
    """Call a function in a reactor turn for each SIGUSR2; must be called in the main thread."""
    signal.signal(signal.SIGUSR2, lambda number, frame: reactor.callFromThread(restart))


class HangupSignals:
    """Distinguishes SIGHUP as a request to reload from SIGHUP as the end of a terminal.

    It is the end of a terminal if the terminal that we had is gone, or if our children got the signal too and neither
    a service manager nor `twistd`'s daemon mode stands between us and a terminal. Under ``nohup``, which ignores the
    signal before we run, it never is.

    :param reload: called to reload the configuration.
    :param hung_up: called when the terminal is gone; possibly more than once.
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
        """Install the handler; must be called in the main thread."""
        if not hasattr(signal, "SIGHUP"):
            return
        self._had_terminal = has_terminal()
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
            self._immune = True
        signal.signal(signal.SIGHUP, self._received)

    def _received(self, number: int, frame: FrameType | None) -> None:
        self._reactor.callFromThread(self.received)

    def received(self) -> None:
        """Handle a SIGHUP sent to us."""
        self._ours = self._clock()
        if self._terminal_closed():
            self._hung_up()
        else:
            self._reload()

    def child_received(self) -> None:
        """Note that a child process got SIGHUP, before or after us."""
        self._childrens = self._clock()
        if self._terminal_closed():
            self._hung_up()

    def _terminal_closed(self) -> bool:
        if self._immune:
            return False
        if self._had_terminal:
            return self._ours > float("-inf") and not has_terminal()
        return abs(self._ours - self._childrens) <= TOGETHER


def is_managed(environ: Mapping[str, str]) -> bool:
    """Tell whether systemd has started this very process, rather than an ancestor such as a terminal program."""
    return "NOTIFY_SOCKET" in environ or environ.get("SYSTEMD_EXEC_PID") == str(os.getpid())


def is_daemon() -> bool:
    """Tell whether we have left our terminal for good: a child of init, in a session started by another process."""
    return os.getppid() == 1 and os.getsid(0) != os.getpid()


def has_terminal() -> bool:
    """Tell whether we have a controlling terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Block signals to the group while a child is started, until the child calls `leave_signals_to_parent`.

    Otherwise a closing terminal would kill a child in the first tenths of a second of its life.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_THE_GROUP)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_signals_to_parent() -> None:
    """Make a child survive the signals that a terminal or service manager sends to all; its parent ends it in order.

    From now on it has started, see `END_IF_STARTING`. The parent is told about SIGHUP, see `HangupSignals`. Must be
    called in the child's main thread, before its reactor runs.
    """
    for number in (signal.SIGINT, signal.SIGTERM, END_IF_STARTING):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, _tell_parent)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _OF_THE_GROUP)


def _tell_parent(number: int, frame: FrameType | None) -> None:
    try:
        os.write(1, HANGUP + b"\n")
    except OSError:
        return  # the parent is gone, and we are about to exit with it
