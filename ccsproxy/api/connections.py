"""The limits on connections and watchers of the API; those beyond a limit are told so.

The API server is a process of its own, so its readers never take a descriptor from the relay; the bound keeps their
number from using up the API server's own descriptors and memory.
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

#: File descriptors that connections never get: listeners, log, link, and what the reading threads have open.
RESERVED_DESCRIPTORS = 64
#: More connections than this are refused even where the system would allow them.
MOST_CONNECTIONS = 1000
#: So many connections beyond the cap are answered with 503; further ones are closed at once.
GRACE = 32
#: So many connections of one address may wait for a whole request in any case.
FEW = 64
#: Seconds for which a connection without a whole request is left alone even where there is no room.
HEAD_TIME = 5.0


def connection_cap(descriptors: int | None = None) -> int:
    """Return how many connections fit below the limit of open files.

    :param descriptors: the limit of open files; the process's own when left out.
    """
    if descriptors is None:
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if descriptors == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    # The grace is taken off, too: those who are told that they are too many need a descriptor to be told by.
    return max(2, min(MOST_CONNECTIONS, descriptors - RESERVED_DESCRIPTORS - GRACE))


@attr.frozen
class _Waiting:
    """A connection without a whole request: since when, how it is closed, and the address at its other end."""

    since: float
    drop: Callable[[], object]
    peer: str


class ConnectionLimit:
    """The connections that are open.

    Where all are in use, the one that has waited longest for a whole request gives way to a new one: connections that
    only drip, or that a page keeps open and does not use, never shut a browser out. Of one address a quarter of all
    may wait for a whole request, however new they are: for each that is more the slowest of them is closed.

    :ivar most: how many are served at a time. Half of them may be live event streams; the rest are left for pages.
    :ivar refused: how many were turned away so far.
    """

    def __init__(self, most: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with none.

        :param clock: monotonic seconds.
        :param most: how many are served; as many as the limit of open files allows when left out.
        """
        self.most = connection_cap() if most is None else most
        self.refused = 0
        self._here: set[object] = set()
        self._surplus: set[object] = set()
        self._clock = clock
        #: Who has no whole request under way, the longest waiting first.
        self._waiting: dict[object, _Waiting] = {}
        self._of_peer: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._here)

    @property
    def most_watchers(self) -> int:
        """How many live event streams there may be."""
        return max(1, self.most // 2)

    @property
    def most_half_heads(self) -> int:
        """How many connections of one address may wait for a whole request."""
        return max(FEW, self.most // 4)

    def has_room(self) -> bool:
        """Tell whether one more may at least be told that it is one too many."""
        if len(self._here) < self.most + GRACE:
            return True
        self.refused += 1
        return False

    def enter(self, connection: object, drop: Callable[[], object] | None = None, peer: str = "") -> None:
        """Count a connection that was accepted, at the cost of the slowest where there is no room for it.

        :param drop: closes the connection; one that cannot be closed never gives way.
        :param peer: the address at its other end.
        """
        self._bound_half_heads(peer)
        if len(self._here) >= self.most and not self._drop_slowest():
            self._surplus.add(connection)
            self.refused += 1
        self._here.add(connection)
        if drop is not None:
            self.waits(connection, drop, peer)

    def waits(self, connection: object, drop: Callable[[], object], peer: str = "") -> None:
        """Take note that a connection has no request under way from now on."""
        self.asks(connection)
        self._bound_half_heads(peer)
        self._waiting[connection] = _Waiting(self._clock(), drop, peer)
        self._of_peer[peer] += 1

    def asks(self, connection: object) -> None:
        """Take note that the whole head of a request has come; what is under way is never dropped."""
        waiting = self._waiting.pop(connection, None)
        if waiting is not None:
            self._of_peer[waiting.peer] -= 1
            if not self._of_peer[waiting.peer]:
                del self._of_peer[waiting.peer]

    def _bound_half_heads(self, peer: str) -> None:
        """Make room for one more that waits."""
        while self._of_peer[peer] >= self.most_half_heads:
            self._drop(next(each for each, waiting in self._waiting.items() if waiting.peer == peer))

    def _drop_slowest(self) -> bool:
        connection, waiting = next(iter(self._waiting.items()), (None, None))
        # Whoever has just connected gets the time to ask; otherwise newcomers would drop one another in turn.
        if waiting is None or self._clock() - waiting.since < HEAD_TIME:
            return False
        self._drop(connection)
        return True

    def _drop(self, connection: object) -> None:
        drop = self._waiting[connection].drop
        self.leave(connection)
        drop()

    def leave(self, connection: object) -> None:
        """Count a connection no more."""
        self._here.discard(connection)
        self._surplus.discard(connection)
        self.asks(connection)

    def admit(self, connection: object) -> None:
        """Let the request of a connection pass.

        :raises Refused: when the connection is one too many.
        """
        if connection in self._surplus:
            message = f"All {self.most} connections to the API are in use; close pages or programs that read it."
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_connections", message, {"Retry-After": "5"})


#: Seconds in which a reader must take something of what there is for it.
STALL = 300.0
#: Looks at a stalled reader in that time.
LOOKS = 10


class ApiChannel(HTTPChannel):
    """A channel that knows when its reader stalls.

    A reader that is merely slow is let be: while the system holds another number of bytes for it at each look, it
    reads. Readers are watched while the transport is full, and while the rest is sent before a connection is closed;
    between two requests the site's timeout counts.
    """

    #: An idle connection is closed when everything has been taken; who takes nothing is seen by the watch.
    abortTimeout = None  # type: ignore[assignment]

    site: Any
    transport: Any
    _look: IDelayedCall | None = None
    _looks = 0
    _waiting: int | None = None

    def connectionMade(self) -> None:
        """Be counted, or be refused with 503 where there are too many."""
        self.site.limit.enter(self, self._drop, self._address)
        super().connectionMade()

    def allHeadersReceived(self) -> None:
        """Be waiting no more."""
        self.site.limit.asks(self)
        super().allHeadersReceived()

    def requestDone(self, request: Any) -> None:
        """Wait for the next request, if there is one to come."""
        super().requestDone(request)
        if self.transport is not None and not self.requests:
            self.site.limit.waits(self, self._drop, self._address)

    @property
    def _address(self) -> str:
        return str(getattr(self.transport.getPeer(), "host", ""))

    def _drop(self) -> None:
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Be counted no more."""
        self._stop_looking()
        self.site.limit.leave(self)
        super().connectionLost(reason)

    @cached_property
    def is_same_user(self) -> bool:
        """Whether this user's program, or root's, is at the other end; the system is asked once a connection.

        The file of a UNIX socket has a mode that says who may connect.
        """
        if not hasattr(self.transport.getHost(), "port"):
            return True
        owner = owner_of_peer(self.transport)
        return owner is not None and is_same_user(owner)

    def pauseProducing(self) -> None:
        """Watch the reader: it takes less than there is for it."""
        super().pauseProducing()
        self._begin_looking()

    def resumeProducing(self) -> None:
        """Watch it no more: it has taken everything."""
        self._stop_looking()
        super().resumeProducing()

    def loseConnection(self) -> Any:
        """Close when everything has been sent, and watch whether it is taken."""
        self._begin_looking()
        return super().loseConnection()

    def _begin_looking(self) -> None:
        self._stop_looking()
        # What has not been acknowledged, as the transport's own buffer is the same for a slow reader and a dead one.
        self._looks, self._waiting = 0, unacknowledged(self.transport)
        self._look_later()

    def _look_later(self) -> None:
        self._look = self.callLater(STALL / LOOKS, self._look_now)

    def _look_now(self) -> None:
        waiting = unacknowledged(self.transport)
        self._looks = self._looks + 1 if waiting == self._waiting else 0
        self._waiting = waiting
        if self._looks < LOOKS:
            self._look_later()
        else:
            self._look = None
            self.transport.abortConnection()

    def _stop_looking(self) -> None:
        look, self._look = self._look, None
        if look is not None:
            look.cancel()


def unacknowledged(transport: Any) -> int | None:
    """Return how many bytes the system holds for a reader, None where it does not say."""
    try:
        return int(struct.unpack("i", ioctl(transport.getHandle(), TIOCOUTQ, b"\0\0\0\0"))[0])
    except (AttributeError, OSError, TypeError):
        return None
