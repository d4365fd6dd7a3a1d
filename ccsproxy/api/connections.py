"""How many readers there may be: connections are counted, and those that are too many are told so.

The API server is a process of its own, so its readers never take a descriptor from the relay; the bound keeps their
number from using up the API server's own descriptors and memory.
"""

import resource
import struct
from fcntl import ioctl
from functools import cached_property
from http import HTTPStatus
from termios import TIOCOUTQ
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

from ccsproxy.api.answer import Refused
from ccsproxy.runtime.peers import is_same_user, owner_of_peer

#: File descriptors that connections never get: listeners, log, link, and what the reading threads have open.
RESERVED_DESCRIPTORS = 64
#: More connections than this are refused even where the system would allow them.
MOST_CONNECTIONS = 1000
#: So many connections beyond the cap are answered with 503; further ones are closed at once.
GRACE = 32


def connection_cap(descriptors: int | None = None) -> int:
    """Return how many connections fit below the limit of open files.

    :param descriptors: the limit of open files; the process's own when left out.
    """
    if descriptors is None:
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if descriptors == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(2, min(MOST_CONNECTIONS, descriptors - RESERVED_DESCRIPTORS - GRACE))


class ConnectionLimit:
    """The connections that are open.

    :ivar most: how many are served at a time. Half of them may be live event streams; the rest are left for pages.
    :ivar refused: how many were turned away so far.
    """

    def __init__(self, most: int | None = None) -> None:
        """Begin with none.

        :param most: how many are served; as many as the limit of open files allows when left out.
        """
        self.most = connection_cap() if most is None else most
        self.refused = 0
        self._here: set[object] = set()
        self._surplus: set[object] = set()

    def __len__(self) -> int:
        return len(self._here)

    @property
    def most_watchers(self) -> int:
        """How many live event streams there may be."""
        return max(1, self.most // 2)

    def has_room(self) -> bool:
        """Tell whether one more may at least be told that it is one too many."""
        if len(self._here) < self.most + GRACE:
            return True
        self.refused += 1
        return False

    def enter(self, connection: object) -> None:
        """Count a connection that was accepted, and say whether there is room for it."""
        self._here.add(connection)
        if len(self._here) > self.most:
            self._surplus.add(connection)
            self.refused += 1

    def leave(self, connection: object) -> None:
        """Count a connection no more."""
        self._here.discard(connection)
        self._surplus.discard(connection)

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
        self.site.limit.enter(self)
        super().connectionMade()

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
