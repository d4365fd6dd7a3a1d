"""A restart without cut connections: a successor takes over the listening sockets while we still serve (SIGUSR2).

The successor is the same command, started by us. It inherits our listening sockets, so that no connection is ever
refused: what waits in their queues is accepted by whichever process comes first. When it accepts connections it says
so over its link; we then stop accepting, let running exchanges end, store them and exit. The link's end tells it that
we are gone, and that the data directory is its own.
"""

import json
import os
import socket
import sys
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

import attr
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, ProcessProtocol, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

#: The variable that tells a successor what it inherits; its own children do not get it.
VARIABLE = "CCSPROXY_TAKEOVER"
#: What a successor sends when it accepts connections.
ACCEPTING = b"accepting"
#: The first inherited descriptor besides the standard ones: the successor's end of the link.
_LINK = 3
#: Endpoint types whose sockets can be handed over; others consist of more than a socket.
_KINDS = ("tcp", "tcp6", "ssl", "systemd")


@attr.define
class Inherited:
    """What a process has inherited from its predecessor.

    :ivar link: its end of the link, -1 if there is no predecessor.
    :ivar sockets: descriptors by listener name, each list in order.
    """

    link: int = -1
    sockets: dict[str, list[int]] = attr.field(factory=dict)
    _gone: Deferred[None] | None = None

    @classmethod
    def of(cls, environ: MutableMapping[str, str]) -> "Inherited":
        """Read what was inherited, and remove the variable so that children do not get it."""
        value = environ.pop(VARIABLE, "")
        if not value:
            return cls()
        content = json.loads(value)
        for descriptor in (content["link"], *(each for found in content["sockets"].values() for each in found)):
            os.set_inheritable(descriptor, False)
        return cls(content["link"], content["sockets"])

    def __bool__(self) -> bool:
        return self.link >= 0

    def take(self, name: str) -> int | None:
        """Return the next socket inherited under a name, None if there is none."""
        found = self.sockets.get(name)
        return found.pop(0) if found else None

    def accepting(self, reactor: Any) -> None:
        """Tell the predecessor that connections are accepted here now."""
        if self.link >= 0:
            self._gone = Deferred()
            reactor.adoptStreamConnection(self.link, socket.AF_UNIX, Factory.forProtocol(lambda: _Link(self._gone)))
            os.close(self.link)

    def predecessor_gone(self) -> "Deferred[None]":
        """Wait for the predecessor's end; fires at once if there is none."""
        return succeed(None) if self._gone is None else self._gone


class _Link(Protocol):
    """The successor's end of the link."""

    def __init__(self, gone: Any) -> None:
        self._gone = gone

    def connectionMade(self) -> None:
        """Report that we accept connections."""
        assert self.transport is not None  # noqa: S101  (Twisted has just connected it)
        self.transport.write(ACCEPTING)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note that the predecessor has ended."""
        self._gone.callback(None)


class Successor(ProcessProtocol):
    """The process that takes over, as seen by its predecessor."""

    transport: Any
    _log = Logger()

    def __init__(
        self, reactor: Any, took_over: Callable[[int], None], failed: Callable[[], None], command: Sequence[str] = ()
    ) -> None:
        """Set up a successor.

        :param took_over: called with its process id when it accepts connections.
        :param failed: called if it ended before that.
        :param command: what to run; by default the command that started us.
        """
        self._reactor, self._took_over, self._failed = reactor, took_over, failed
        self._command = list(command or [sys.executable, *sys.orig_argv[1:]])
        self._over = False
        self._ours: socket.socket | None = None

    def start(self, ports: Sequence[tuple[str, IListeningPort]], environ: Mapping[str, str]) -> None:
        """Start the process.

        :param ports: the listening ports, with the names under which the successor will ask for them.
        :raises OSError: if it cannot be started.
        """
        self._ours, theirs = socket.socketpair()
        descriptors = {0: 0, 1: 1, 2: 2, _LINK: theirs.fileno()}
        sockets: dict[str, list[int]] = {}
        for number, (name, port) in enumerate(ports, _LINK + 1):
            descriptors[number] = port.fileno()  # type: ignore[attr-defined]
            sockets.setdefault(name, []).append(number)
        environment = {**environ, VARIABLE: json.dumps({"link": _LINK, "sockets": sockets})}
        try:
            self._reactor.spawnProcess(self, self._command[0], self._command, environment, childFDs=descriptors)
        finally:
            theirs.close()
        self._ours.setblocking(False)
        self._reactor.addReader(self)

    def fileno(self) -> int:
        """Return the descriptor of our end of the link."""
        return -1 if self._ours is None else self._ours.fileno()

    def logPrefix(self) -> str:
        """Return our name for the reactor's log."""
        return "successor"

    def doRead(self) -> None:
        """Note that it accepts connections; our end of the link stays open until we exit."""
        assert self._ours is not None  # noqa: S101  (it is read from while it is there)
        self._reactor.removeReader(self)
        try:
            message = self._ours.recv(64)
        except OSError:
            message = b""
        if message == ACCEPTING and not self._over:
            self._over = True
            self._took_over(self.transport.pid)

    def connectionLost(self, reason: Failure) -> None:
        """Do nothing: the reactor has stopped reading."""

    def processEnded(self, reason: Failure) -> None:
        """Note that it has ended, which no longer concerns us once it has taken over."""
        self._reactor.removeReader(self)
        if not self._over:
            self._over = True
            self._log.error("the successor ended before it took over: {reason}", reason=reason.getErrorMessage())
            self._failed()


def not_to_hand_over(endpoints: Sequence[str]) -> str | None:
    """Return the first endpoint whose socket cannot be handed over, None if all can."""
    return next((each for each in endpoints if each.partition(":")[0] not in _KINDS), None)
