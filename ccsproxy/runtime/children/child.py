"""Supervised child processes: started with a link, restarted when they die, stopped by closing the link.

The link is one end of a socket pair. A child exits when its link ends, so it never outlives its parent; what it needs
to know and nobody else may see is sent over the link, never in arguments or environment.
"""

import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import attr
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.runtime.signals import END_IF_STARTING, HANGUP, signals_blocked

#: The child's descriptor of its end of the link.
LINK_FD = 3
#: Seconds before the first restart; each further one in a row waits twice as long, up to the maximum.
FIRST_PAUSE, LAST_PAUSE = 0.1, 10.0
#: Seconds until a child gets its lower priority.
NICE_AFTER = 3.0
#: A child that ran this many seconds is considered healthy: its next restart counts as the first again.
HEALTHY_AFTER = 30.0
#: How many bytes of one line of output are logged.
LINE_LIMIT = 2000


class ChildReactor(Protocol):
    """What a `Child` uses of the reactor."""

    def spawnProcess(self, *arguments: Any, **keywords: Any) -> Any:
        """Start a process (`IReactorProcess`)."""

    def callLater(self, delay: float, callable: Callable[..., object], *arguments: object) -> IDelayedCall:
        """Call something later (`IReactorTime`)."""

    def seconds(self) -> float:
        """Return the time (`IReactorTime`)."""


@attr.frozen
class Program:
    """What to start.

    :ivar module: run as ``python -m module``.
    :ivar arguments: its arguments.
    :ivar descriptors: inherited descriptors, the child's number first.
    :ivar nice: how much lower its priority is than ours.
    """

    module: str
    arguments: Sequence[str] = ()
    descriptors: Mapping[int, int] = attr.field(factory=dict)
    nice: int = 0


def child_environment(environment: Mapping[str, str], path: Sequence[str]) -> dict[str, str]:
    """Make an environment in which the child imports the same modules as we do, wherever it runs.

    Its threads share one heap of the C library: they run one at a time anyway, and each further heap costs memory.

    :param path: our `sys.path`.
    """
    absolute = [os.path.abspath(each or os.curdir) for each in path]
    return {"MALLOC_ARENA_MAX": "1", **environment, "PYTHONPATH": os.pathsep.join(dict.fromkeys(absolute))}


class Child:
    """Keeps a program running until told to stop.

    :ivar restarts: how many times it was restarted.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: ChildReactor,
        program: Program,
        linked: Callable[[socket.socket], None],
        ended: Callable[[], None] = lambda: None,
        hung_up: Callable[[], None] = lambda: None,
    ) -> None:
        """Set up the child; nothing is started yet.

        :param linked: called with our end of the link each time the child has been started; it must close the socket.
        :param ended: called each time the child has ended.
        :param hung_up: called when the child got SIGHUP.
        """
        self.restarts = 0
        self._reactor, self._program, self._linked, self._ended = reactor, program, linked, ended
        self.hung_up = hung_up
        self._process: Any = None
        self._pause = FIRST_PAUSE
        self._started_at = 0.0
        self._restart: IDelayedCall | None = None
        self._kill: IDelayedCall | None = None
        self._nicer: IDelayedCall | None = None
        self._stopping: Deferred[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None while nothing runs."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the program, and restart it whenever it ends unexpectedly."""
        self._restart = None
        ours, theirs = socket.socketpair()
        self._started_at = self._reactor.seconds()
        try:
            self._process = self._spawn(theirs.fileno())
        except OSError:
            ours.close()
            # Out of memory or descriptors: the relay continues without this child, and tries again.
            self._log.failure("{module} could not be started", module=self._program.module)
            self._start_later()
            return
        finally:
            # Always: the child has its own copy, and with ours open we would never see its end of the link close.
            theirs.close()
        if self._program.nice:
            # Not before it has started: at low priority a busy machine might take minutes to let it load its modules.
            self._nicer = self._reactor.callLater(NICE_AFTER, self.lower_priority)
        self._linked(ours)

    def stop(self, within: float) -> Deferred[None]:
        """Wait for it to end, and do not restart it. The owner of the link must close it, or ask the child to exit.

        A child that is still starting is ended at once: it would load its modules for seconds before it read its
        link, only to exit then.

        :param within: seconds until it is killed.
        :return: fires when it has ended.
        """
        stopped: Deferred[None] = Deferred()
        if self._restart is not None:
            self._restart.cancel()
            self._restart = None
        if self._process is None:
            stopped.callback(None)
            return stopped
        self._stopping = stopped
        with suppress(ProcessExitedAlready):
            self._process.signalProcess(END_IF_STARTING)
        self._kill = self._reactor.callLater(within, self.kill)
        return stopped

    def kill(self) -> None:
        """Kill it at once."""
        if self._process is not None:
            self._log.warn("killing {module}", module=self._program.module)
            self._process.signalProcess("KILL")

    def process_ended(self, reason: Failure) -> None:
        """Handle the end of the process: restart it, unless it was stopped."""
        self._process = None
        for timer in (self._kill, self._nicer):
            if timer is not None and timer.active():
                timer.cancel()
        self._ended()
        if self._stopping is not None:
            # It was asked to end, so it is not restarted.
            stopping, self._stopping = self._stopping, None
            stopping.callback(None)
            return
        self._log.error("{module} ended: {reason}", module=self._program.module, reason=reason.getErrorMessage())
        self._start_later()

    def mark_healthy(self) -> None:
        """Note that it has done useful work, so that its next restart counts as the first."""
        self._pause = FIRST_PAUSE

    def line_received(self, line: bytes) -> None:
        """Log a line of its output."""
        text = line[:LINE_LIMIT].decode("utf-8", "replace")
        self._log.info("{module}: {line}", module=self._program.module.rpartition(".")[0], line=text)

    def _spawn(self, link: int) -> Any:
        program = self._program
        # -P: otherwise, a file in the current directory with the name of one of our modules would be imported
        # instead.
        command = [sys.executable, "-P", "-m", program.module, *program.arguments]
        descriptors = {0: "w", 1: "r", 2: "r", LINK_FD: link, **program.descriptors}
        environment = child_environment(os.environ, sys.path)
        protocol = ChildProtocol(self)
        with signals_blocked():
            return self._reactor.spawnProcess(protocol, sys.executable, command, environment, childFDs=descriptors)

    def lower_priority(self) -> None:
        """Lower its priority now, because it is ready; otherwise that happens `NICE_AFTER` seconds after its
        start.
        """
        if self.pid is None or not self._program.nice:
            return
        if self._nicer is not None and self._nicer.active():
            self._nicer.cancel()
        self._nicer = None
        priority = os.getpriority(os.PRIO_PROCESS, 0) + self._program.nice
        try:
            for thread in _threads(self.pid):
                os.setpriority(os.PRIO_PROCESS, thread, priority)
        except OSError as error:
            self._log.warn("{module} keeps our priority: {error}", module=self._program.module, error=error)

    def _start_later(self) -> None:
        proved = self._reactor.seconds() - self._started_at >= HEALTHY_AFTER
        pause = FIRST_PAUSE if proved else self._pause
        self._pause = min(LAST_PAUSE, pause * 2)
        self.restarts += 1
        self._restart = self._reactor.callLater(pause, self.start)


def _threads(pid: int) -> list[int]:
    """Return the ids of a process's threads: on Linux each has its own priority, which new ones inherit."""
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return [pid]


class ChildProtocol(ProcessProtocol):
    """Splits the output of a child into lines, and reports when it has ended."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._rest = {1: b"", 2: b""}

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Take output of the child for the log."""
        *lines, self._rest[childFD] = (self._rest[childFD] + data).split(b"\n")
        for line in lines:
            if line == HANGUP:
                self._child.hung_up()
            else:
                self._child.line_received(line)
        # A child that writes without ever ending a line must not fill our memory.
        self._rest[childFD] = self._rest[childFD][:LINE_LIMIT]

    def processEnded(self, reason: Failure) -> None:
        """Report that it has ended."""
        for rest in filter(None, self._rest.values()):
            self._child.line_received(rest)
        self._child.process_ended(reason)
