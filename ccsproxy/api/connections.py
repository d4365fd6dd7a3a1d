"""The limits on connections and watchers of the API; those beyond a limit are told so.

The API server is a separate process, so its readers never use descriptors of the relay; the limit protects the API
server's own descriptors and memory.
"""

import resource
import struct
import time
from collections import Counter
from collections.abc import Callable
from fcntl import ioctl
from functools import cached_property
from http import HTTPStatus
from termios import TIOCOUTQ
from typing import Any

import attr
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

from ccsproxy.api.answer import Refused
from ccsproxy.runtime.sockets.peers import is_same_user, owner_of_peer

#: File descriptors kept back from connections: listeners, log, link, and files opened by the reading threads.
RESERVED_DESCRIPTORS = 64
#: The maximum number of connections, even if the system allows more.
MOST_CONNECTIONS = 1000
#: How many connections beyond the limit are answered with 503; further ones are closed at once.
GRACE = 32
#: How many connections from one address may be waiting for a complete request in any case.
FEW = 64
#: Seconds for which a connection without a complete request is left alone even if there is no room.
HEAD_TIME = 5.0


def connection_cap(descriptors: int | None = None) -> int:
    """Return how many connections fit below the limit of open files.

    :param descriptors: the limit of open files; by default that of the process.
    """
    if descriptors is None:
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if descriptors == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    # The grace is subtracted, too: answering with 503 needs a descriptor as well.
    return max(2, min(MOST_CONNECTIONS, descriptors - RESERVED_DESCRIPTORS - GRACE))


@attr.frozen
class _Waiting:
    """A connection without a complete request: since when, how to close it, and its remote address."""

    since: float
    drop: Callable[[], object]
    peer: str


class ConnectionLimit:
    """The open connections.

    If all are in use, the one that has waited longest for a complete request is closed in favour of a new one:
    connections that send slowly, or that a page keeps open without using them, never lock a browser out. A quarter of
    all may be waiting for requests from one address, however new they are: beyond that, its slowest one is closed.

    :ivar most: how many are served at once. Half of them may be live event streams; the rest are left for pages.
    :ivar refused: how many were refused so far.
    """

    def __init__(self, most: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without connections.

        :param clock: monotonic seconds.
        :param most: how many are served at once; by default as many as the limit of open files allows.
        """
        self.most = connection_cap() if most is None else most
        self.refused = 0
        self._here: set[object] = set()
        self._surplus: set[object] = set()
        self._clock = clock
        #: Connections without a request in progress, the longest waiting first.
        self._waiting: dict[object, _Waiting] = {}
        self._of_peer: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._here)

    @property
    def most_watchers(self) -> int:
        """The maximum number of live event streams."""
        return max(1, self.most // 2)

    @property
    def most_half_heads(self) -> int:
        """How many connections from one address may be waiting for a complete request."""
        return max(FEW, self.most // 4)

    def has_room(self) -> bool:
        """Tell whether one more connection may at least be answered with 503."""
        if len(self._here) < self.most + GRACE:
            return True
        self.refused += 1
        return False

    def enter(self, connection: object, drop: Callable[[], object] | None = None, peer: str = "") -> None:
        """Count an accepted connection, closing the slowest one if there is no room.

        :param drop: closes the connection; one without it is never closed.
        :param peer: its remote address.
        """
        self._bound_half_heads(peer)
        if len(self._here) >= self.most and not self._drop_slowest():
            self._surplus.add(connection)
            self.refused += 1
        self._here.add(connection)
        if drop is not None:
            self.request_awaited(connection, drop, peer)

    def request_awaited(self, connection: object, drop: Callable[[], object], peer: str = "") -> None:
        """Note that a connection has no request in progress from now on."""
        self.request_started(connection)
        self._bound_half_heads(peer)
        self._waiting[connection] = _Waiting(self._clock(), drop, peer)
        self._of_peer[peer] += 1

    def request_started(self, connection: object) -> None:
        """Note that a complete request head has arrived; a connection with a request in progress is never closed."""
        waiting = self._waiting.pop(connection, None)
        if waiting is not None:
            self._of_peer[waiting.peer] -= 1
            if not self._of_peer[waiting.peer]:
                del self._of_peer[waiting.peer]

    def _bound_half_heads(self, peer: str) -> None:
        """Make room for one more waiting connection."""
        while self._of_peer[peer] >= self.most_half_heads:
            self._drop(next(each for each, waiting in self._waiting.items() if waiting.peer == peer))

    def _drop_slowest(self) -> bool:
        connection, waiting = next(iter(self._waiting.items()), (None, None))
        # A new connection gets time to send its request; otherwise newcomers would close each other in turn.
        if waiting is None or self._clock() - waiting.since < HEAD_TIME:
            return False
        self._drop(connection)
        return True

    def _drop(self, connection: object) -> None:
        drop = self._waiting[connection].drop
        self.leave(connection)
        drop()

    def leave(self, connection: object) -> None:
        """Stop counting a connection."""
        self._here.discard(connection)
        self._surplus.discard(connection)
        self.request_started(connection)

    def admit(self, connection: object) -> None:
        """Accept the request of a connection.

        :raises Refused: if the connection is beyond the limit.
        """
        if connection in self._surplus:
            message = f"All {self.most} connections to the API are in use; close pages or programs that read it."
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_connections", message, {"Retry-After": "5"})


#: Seconds within which a reader must accept some of the data that is waiting for it.
STALL = 300.0
#: Number of checks of a stalled reader in that time.
CHECKS = 10


class ApiChannel(HTTPChannel):
    """A channel that detects when its reader stalls.

    A reader that is merely slow is left alone: as long as the amount of unacknowledged data changes between checks,
    it is reading. Readers are watched while the transport is full, and while the rest is sent before a connection is
    closed; between requests the site's timeout applies.
    """

    #: An idle connection is closed once everything has been accepted; the watch detects a reader that accepts
    #: nothing.
    abortTimeout = None  # type: ignore[assignment]

    site: Any
    transport: Any
    _check: IDelayedCall | None = None
    _checks = 0
    _waiting: int | None = None

    def connectionMade(self) -> None:
        """Count the connection, or refuse it with 503 if there are too many."""
        self.site.limit.enter(self, self._drop, self._address)
        super().connectionMade()

    def allHeadersReceived(self) -> None:
        """A request has arrived: stop waiting."""
        self.site.limit.request_started(self)
        super().allHeadersReceived()

    def requestDone(self, request: Any) -> None:
        """Wait for the next request, if there can be one."""
        super().requestDone(request)
        if self.transport is not None and not self.requests:
            self.site.limit.request_awaited(self, self._drop, self._address)

    @property
    def _address(self) -> str:
        return str(getattr(self.transport.getPeer(), "host", ""))

    def _drop(self) -> None:
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Stop counting the connection."""
        self._stop_watch()
        self.site.limit.leave(self)
        super().connectionLost(reason)

    @cached_property
    def is_same_user(self) -> bool:
        """Whether a program of this user or of root is at the other end; looked up once per connection.

        The file of a UNIX socket has a mode that controls who may connect.
        """
        if not hasattr(self.transport.getHost(), "port"):
            return True
        owner = owner_of_peer(self.transport)
        return owner is not None and is_same_user(owner)

    def pauseProducing(self) -> None:
        """Start watching the reader: it accepts less than is waiting for it."""
        super().pauseProducing()
        self._start_watch()

    def resumeProducing(self) -> None:
        """Stop watching the reader: it has accepted everything."""
        self._stop_watch()
        super().resumeProducing()

    def loseConnection(self) -> Any:
        """Close when everything has been sent, and watch whether it is accepted."""
        self._start_watch()
        return super().loseConnection()

    def _start_watch(self) -> None:
        self._stop_watch()
        # Unacknowledged bytes are compared, as the transport's own buffer looks the same for a slow reader and a dead
        # one.
        self._checks, self._waiting = 0, unacknowledged(self.transport)
        self._schedule_check()

    def _schedule_check(self) -> None:
        self._check = self.callLater(STALL / CHECKS, self._check_progress)

    def _check_progress(self) -> None:
        waiting = unacknowledged(self.transport)
        self._checks = self._checks + 1 if waiting == self._waiting else 0
        self._waiting = waiting
        if self._checks < CHECKS:
            self._schedule_check()
        else:
            self._check = None
            self.transport.abortConnection()

    def _stop_watch(self) -> None:
        look, self._check = self._check, None
        if look is not None:
            look.cancel()


def unacknowledged(transport: Any) -> int | None:
    """Return how many bytes the kernel holds for a reader, None if it does not tell."""
    try:
        return int(struct.unpack("i", ioctl(transport.getHandle(), TIOCOUTQ, b"\0\0\0\0"))[0])
    except (AttributeError, OSError, TypeError):
        return None
