"""Detecting a client that has left while nothing is read from it, and telling it from one that only half-closed.

Closing a connection and half-closing it send the same segment, FIN. The first must cancel the upstream request at
once, the second must still get its response. For local sockets the kernel knows the difference: a socket that still
belongs to a process has an inode, a closed one has none. A remote client, about which our kernel knows nothing, is
taken to have left: agents do that all the time, and never half-close.
"""

import select
import socket
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.tcp import Connection

from ccsproxy.proxy.transport import innermost
from ccsproxy.runtime.sockets.sock_diag import is_held

#: Seconds between two checks of the clients from which nothing is being read.
POLL_INTERVAL = 0.05

# Values from Linux: include/net/tcp_states.h.
_ESTABLISHED, _CLOSE_WAIT = 1, 8


class Watched(Protocol):
    """A client whose connection is checked for a dead peer."""

    @property
    def transport(self) -> Any:
        """The transport of the watched connection."""

    def abort_transport(self) -> None:
        """The client has left."""


class PeerWatch:
    """Polls clients from which nothing is read, because reading is paused or because they have half-closed.

    :param is_gone: tells whether the peer of a transport has left.
    """

    def __init__(self, reactor: IReactorTime, is_gone: Callable[[Any], bool]) -> None:
        self._reactor = reactor
        self._is_gone = is_gone
        self._watched: dict[Watched, None] = {}
        self._call: IDelayedCall | None = None

    def add(self, client: Watched) -> None:
        """Watch a client until `discard`."""
        self._watched[client] = None
        if self._call is None:
            self._call = self._reactor.callLater(POLL_INTERVAL, self._poll)

    def check(self, client: Watched) -> None:
        """Check a client now."""
        if self._is_gone(client.transport):
            self.discard(client)
            client.abort_transport()

    def discard(self, client: Watched) -> None:
        """Stop watching a client."""
        self._watched.pop(client, None)
        if not self._watched and self._call is not None:
            self._call.cancel()
            self._call = None

    def _poll(self) -> None:
        self._call = None
        for client in tuple(self._watched):
            if client in self._watched:
                self.check(client)
        if self._watched and self._call is None:
            self._call = self._reactor.callLater(POLL_INTERVAL, self._poll)


def peer_is_gone(transport: Any) -> bool:
    """Tell whether the peer of a server-side transport has left, even if there are unread bytes.

    :return: false if that cannot be determined, as with in-memory transports.
    """
    tcp = innermost(transport)
    if not isinstance(tcp, Connection) or not tcp.connected:
        return False
    ours = tcp.getHandle()
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
    """Tell whether the peer of a UNIX socket has closed it; one that only half-closed has not."""
    poll = select.poll()
    poll.register(ours, 0)
    return bool(poll.poll(0))
