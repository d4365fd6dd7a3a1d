"""A connection of the desk: it is counted, and broken off when its reader takes nothing for too long."""

import struct
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

#: Seconds in which a reader must take something of what there is for it.
STALL = 300.0
#: Looks at a stalled reader in that time.
LOOKS = 10


class DeskChannel(HTTPChannel):
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
        """Be counted."""
        self.site.crowd.enter(self)
        super().connectionMade()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Be counted no more."""
        self._stop_looking()
        self.site.crowd.leave(self)
        super().connectionLost(reason)

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
