"""Noticing that a client has left although nothing is read from it, and telling that from a client that only waits.

When a client closes its connection and when it merely ends its own half of it, the same segment arrives. The first
must cancel the upstream at once, the second must get its answer. The system knows the difference for its own
sockets: one that still belongs to a process has an inode, one that was closed has none. A client elsewhere, of which
our system knows nothing, is taken to have left: agents do that all the time, and half-close never.
"""

import select
import socket
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ccsproxy.proxy.transport import sends_directly
from ccsproxy.runtime.sockets.sock_diag import is_held

#: Seconds between two looks at the clients that cannot be heard at present.
LOOK_EVERY = 0.05

# Numbers of Linux: include/net/tcp_states.h.
_ESTABLISHED, _CLOSE_WAIT = 1, 8


class Watched(Protocol):
    """A client that is watched."""

    @property
    def transport(self) -> Any:
        """The transport of the watched connection."""

    def vanished(self) -> None:
        """The client has left."""


class PeerWatch:
    """Looks at clients that cannot be heard: their bytes are not being read, or they have said that none follow.

    :param is_gone: tells of a transport whether its peer has left.
    """

    def __init__(self, reactor: IReactorTime, is_gone: Callable[[Any], bool]) -> None:
        self._reactor = reactor
        self._is_gone = is_gone
        self._watched: dict[Watched, None] = {}
        self._call: IDelayedCall | None = None

    def add(self, client: Watched) -> None:
        """Look at a client from now on, until `discard`."""
        self._watched[client] = None
        if self._call is None:
            self._call = self._reactor.callLater(LOOK_EVERY, self._look)

    def check(self, client: Watched) -> None:
        """Look at a client now."""
        if self._is_gone(client.transport):
            self.discard(client)
            client.vanished()

    def discard(self, client: Watched) -> None:
        """Look at a client no more."""
        self._watched.pop(client, None)
        if not self._watched and self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        self._call = None
        for client in tuple(self._watched):
            if client in self._watched:
                self.check(client)
        if self._watched and self._call is None:
            self._call = self._reactor.callLater(LOOK_EVERY, self._look)


def peer_is_gone(transport: Any) -> bool:
    """Tell whether the peer of a server's transport has left, unread bytes or not.

    :return: false when nobody can tell, as in memory.
    """
    if not sends_directly(transport) or not transport.connected:
        return False
    ours = transport.getHandle()
    if ours.family not in (socket.AF_INET, socket.AF_INET6):
        return _hung_up(ours)
    try:
        state = ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        if state == _ESTABLISHED:
            return False
        return state != _CLOSE_WAIT or not is_held(ours.getpeername(), ours.getsockname())
    except (OSError, AttributeError):
        return True


def _hung_up(ours: socket.socket) -> bool:
    """Tell of a UNIX socket whether its peer is closed; one that only sends no more is not."""
    poll = select.poll()
    poll.register(ours, 0)
    return bool(poll.poll(0))
