"""A restart without cut connections: a successor takes over the listening sockets while we still serve (SIGUSR2).

The successor is the same command, started by us. It inherits our listening sockets as they are, so that there is no
moment in which a connection is refused: what waits in their queues is accepted by whichever of the two comes first.
When it accepts it says so over its link; we accept no more then, let running exchanges end, store them and end.
The link's end tells it that we are gone, and that the data directory is its own.
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

#: The variable by which a successor learns what it inherits; its own children do not get it.
VARIABLE = "CCSPROXY_TAKEOVER"
#: What a successor says when it accepts connections.
ACCEPTING = b"accepting"
#: The first descriptor that a successor inherits beside its standard ones: its end of the link.
_LINK = 3
#: Endpoints whose sockets can be handed over: those of others are more than a socket.
_KINDS = ("tcp", "tcp6", "ssl", "systemd")


@attr.define
class Inherited:
    """What a process has inherited from the one that it succeeds.

    :ivar link: its end of the link, -1 where there is no predecessor.
    :ivar sockets: descriptors by what was listened on, each list in order.
    """

    link: int = -1
    sockets: dict[str, list[int]] = attr.field(factory=dict)
    _gone: Deferred[None] | None = None

    @classmethod
    def of(cls, environ: MutableMapping[str, str]) -> "Inherited":
        """Read what was inherited, and leave no trace of it for children."""
        said = environ.pop(VARIABLE, "")
        if not said:
            return cls()
        content = json.loads(said)
        for descriptor in (content["link"], *(each for found in content["sockets"].values() for each in found)):
            os.set_inheritable(descriptor, False)
        return cls(content["link"], content["sockets"])

    def __bool__(self) -> bool:
        return self.link >= 0

    def take(self, name: str) -> int | None:
        """Return the next socket that was inherited under a name, None when there is none."""
        found = self.sockets.get(name)
        return found.pop(0) if found else None

    def accepting(self, reactor: Any) -> None:
        """Tell the predecessor that connections are accepted here now."""
        if self.link >= 0:
            self._gone = Deferred()
            reactor.adoptStreamConnection(self.link, socket.AF_UNIX, Factory.forProtocol(lambda: _Link(self._gone)))
            os.close(self.link)

    def predecessor_gone(self) -> "Deferred[None]":
        """Wait for the predecessor's end; at once where there is none."""
        return succeed(None) if self._gone is None else self._gone


class _Link(Protocol):
    """The successor's end of the link."""

    def __init__(self, gone: Any) -> None:
        self._gone = gone

    def connectionMade(self) -> None:
        """Say that we accept."""
        assert self.transport is not None  # noqa: S101  (Twisted has just connected it)
        self.transport.write(ACCEPTING)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Hear that the predecessor has ended."""
        self._gone.callback(None)


class Successor(ProcessProtocol):
    """The process that takes over, as its predecessor sees it."""

    transport: Any
    _log = Logger()

    def __init__(
        self, reactor: Any, took_over: Callable[[int], None], failed: Callable[[], None], command: Sequence[str] = ()
    ) -> None:
        """Describe it.

        :param took_over: called with its process id when it accepts connections.
        :param failed: called when it has ended before that.
        :param command: what to run; the command that has started us when left out.
        """
        self._reactor, self._took_over, self._failed = reactor, took_over, failed
        self._command = list(command or [sys.executable, *sys.orig_argv[1:]])
        self._over = False
        self._ours: socket.socket | None = None

    def start(self, ports: Sequence[tuple[str, IListeningPort]], environ: Mapping[str, str]) -> None:
        """Start it.

        :param ports: what is listened on, under the names under which the successor will ask for it.
        :raises OSError: when it cannot be started.
        """
        self._ours, theirs = socket.socketpair()
        descriptors = {0: 0, 1: 1, 2: 2, _LINK: theirs.fileno()}
        sockets: dict[str, list[int]] = {}
        for number, (name, port) in enumerate(ports, _LINK + 1):
            descriptors[number] = port.fileno()  # type: ignore[attr-defined]
            sockets.setdefault(name, []).append(number)
        said = {**environ, VARIABLE: json.dumps({"link": _LINK, "sockets": sockets})}
        try:
            self._reactor.spawnProcess(self, self._command[0], self._command, said, childFDs=descriptors)
        finally:
            theirs.close()
        self._ours.setblocking(False)
        self._reactor.addReader(self)

    def fileno(self) -> int:
        """Return the descriptor of our end of the link."""
        return -1 if self._ours is None else self._ours.fileno()

    def logPrefix(self) -> str:
        """Name us to the reactor."""
        return "successor"

    def doRead(self) -> None:
        """Hear that it accepts; our end of the link stays open until we end."""
        assert self._ours is not None  # noqa: S101  (it is read from while it is there)
        self._reactor.removeReader(self)
        try:
            said = self._ours.recv(64)
        except OSError:
            said = b""
        if said == ACCEPTING and not self._over:
            self._over = True
            self._took_over(self.transport.pid)

    def connectionLost(self, reason: Failure) -> None:
        """Hear that the reactor reads us no more."""

    def processEnded(self, reason: Failure) -> None:
        """Hear that it has ended, which is no trouble of ours once it has taken over."""
        self._reactor.removeReader(self)
        if not self._over:
            self._over = True
            self._log.error("the successor has ended before it took over: {reason}", reason=reason.getErrorMessage())
            self._failed()


def not_to_hand_over(endpoints: Sequence[str]) -> str | None:
    """Return the first endpoint whose socket cannot be handed over, None when all can."""
    return next((each for each in endpoints if each.partition(":")[0] not in _KINDS), None)
