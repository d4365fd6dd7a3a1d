"""Noticing that a client has left although nothing is read from it, and telling that from a client that only waits.

When a client closes its connection and when it merely ends its own half of it, the same segment arrives. The first
must cancel the upstream at once, the second must get its answer. The system knows the difference for its own
sockets: one that still belongs to a process has an inode, one that was closed has none. A client elsewhere, of which
our system knows nothing, is taken to have left: agents do that all the time, and half-close never.
"""

import select
import socket
import struct
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ccsproxy.proxy.transport import sends_directly

#: Seconds between two looks at the clients that cannot be heard at present.
LOOK_EVERY = 0.05

# Numbers of Linux: include/net/tcp_states.h, include/uapi/linux/sock_diag.h and inet_diag.h.
_ESTABLISHED, _CLOSE_WAIT, _LISTEN = 1, 8, 10
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST = 1
_HEADER = struct.Struct("=IHHII")
_QUERY = struct.Struct("=BBBBI")
_ANSWER_INODE = _HEADER.size + 4 + 48 + 16


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
        return state != _CLOSE_WAIT or not _is_held(ours.family, ours.getpeername(), ours.getsockname())
    except (OSError, AttributeError):
        return True


def _hung_up(ours: socket.socket) -> bool:
    """Tell of a UNIX socket whether its peer is closed; one that only sends no more is not."""
    poll = select.poll()
    poll.register(ours, 0)
    return bool(poll.poll(0))


def _is_held(family: int, local: tuple[Any, ...], remote: tuple[Any, ...]) -> bool:
    """Tell whether a process of this system holds the socket with these two addresses."""
    inode = _inode_by_netlink(family, local, remote)
    if inode is None:
        inode = _inode_by_proc(family, local, remote)
    return bool(inode)


def _inode_by_netlink(family: int, local: tuple[Any, ...], remote: tuple[Any, ...]) -> int | None:
    """Ask the system for one socket (man 7 sock_diag).

    :return: 0 when there is none or nobody holds it, None when the system may not be asked.
    """
    addresses = [socket.inet_pton(family, end[0]).ljust(16, b"\0") for end in (local, remote)]
    ports = struct.pack(">HH", local[1], remote[1])
    query = _QUERY.pack(family, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF)
    query += ports + addresses[0] + addresses[1] + struct.pack("=I", 0) + b"\xff" * 8
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as asking:
            asking.setblocking(False)
            asking.send(_HEADER.pack(_HEADER.size + len(query), _SOCK_DIAG_BY_FAMILY, _REQUEST, 1, 0) + query)
            answer = asking.recv(4096)
    except (OSError, AttributeError):
        return None
    if _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY or answer[_HEADER.size + 1] == _LISTEN:
        return 0
    return int(struct.unpack_from("=I", answer, _ANSWER_INODE)[0])


def _inode_by_proc(family: int, local: tuple[Any, ...], remote: tuple[Any, ...]) -> int | None:
    """Look a socket up in the system's table, for where sock_diag is forbidden."""
    wanted = [_as_in_proc(family, end).encode() for end in (local, remote)]
    try:
        with open("/proc/self/net/tcp6" if family == socket.AF_INET6 else "/proc/self/net/tcp", "rb") as table:
            for line in table:
                columns = line.split()
                if columns[1:3] == wanted:
                    return int(columns[9])
    except OSError:
        return None
    return 0


def _as_in_proc(family: int, end: tuple[Any, ...]) -> str:
    words = struct.unpack("=4I" if family == socket.AF_INET6 else "=I", socket.inet_pton(family, end[0]))
    return "".join(f"{word:08X}" for word in words) + f":{end[1]:04X}"
