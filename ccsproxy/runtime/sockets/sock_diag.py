"""Looks up one TCP socket of this system by its two addresses: its owner and inode number.

Linux only: netlink's sock_diag first (man 7 sock_diag), the tables in ``/proc/net`` if that is forbidden. On other
systems the result is None.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator
from typing import Any

import attr

#: An address in the form of the socket module: host, port, and more for IPv6.
Address = tuple[Any, ...]

# Values from Linux: include/net/tcp_states.h, include/uapi/linux/sock_diag.h and inet_diag.h.
LISTEN = 10
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST = 1
_HEADER = struct.Struct("=IHHII")
_QUERY = struct.Struct("=BBBBI")
_UID_AND_INODE = struct.Struct("=II")
_ANSWER_UID = _HEADER.size + 4 + 48 + 12
_TABLES = ("/proc/self/net/tcp", "/proc/self/net/tcp6")


@attr.frozen
class SocketOwner:
    """The owner of a TCP socket.

    :ivar uid: the id of the user that created it.
    :ivar inode: the socket's inode, never 0: a socket that no process holds any more has no trustworthy owner, since
    Linux reports root for such sockets.
    """

    uid: int
    inode: int


def find_owner(local: Address, remote: Address) -> SocketOwner | None:
    """Find the owner of the TCP socket on this system that has these two ends.

    :param local: the socket's own address.
    :param remote: the address of its other end.
    :return: None if there is no such socket, no process holds it, or the kernel does not tell.
    """
    try:
        ends = _plain(local), _plain(remote)
    except ValueError:
        return None
    found = _by_netlink(*ends)
    if found is None:
        found = _by_table(*ends)
    return found if found is not None and found.inode else None


def is_held(local: Address, remote: Address) -> bool:
    """Tell whether a process on this system holds the socket with these two ends."""
    return find_owner(local, remote) is not None


_End = tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]


def _plain(end: Address) -> _End:
    """Parse an address; an IPv4-mapped IPv6 address becomes IPv4, which is how the kernel looks it up.

    :raises ValueError: if it is invalid.
    """
    address = ipaddress.ip_address(str(end[0]).partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address, int(end[1])


def _by_netlink(local: _End, remote: _End) -> SocketOwner | None:
    """Ask the kernel for one socket.

    :return: an owner without inode if there is no such socket, None if the kernel may not be asked.
    """
    family = socket.AF_INET6 if local[0].version == 6 else socket.AF_INET
    addresses = b"".join(address.packed.ljust(16, b"\0") for address, _ in (local, remote))
    query = _QUERY.pack(family, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF)
    query += struct.pack(">HH", local[1], remote[1]) + addresses + struct.pack("=I", 0) + b"\xff" * 8
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as asking:
            asking.setblocking(False)
            asking.send(_HEADER.pack(_HEADER.size + len(query), _SOCK_DIAG_BY_FAMILY, _REQUEST, 1, 0) + query)
            answer = asking.recv(4096)
    except (OSError, AttributeError):
        return None
    # If no connection matches, the kernel returns a listener on that port, which is not what was asked for.
    if _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY or answer[_HEADER.size + 1] == LISTEN:
        return SocketOwner(0, 0)
    return SocketOwner(*_UID_AND_INODE.unpack_from(answer, _ANSWER_UID))


def _by_table(local: _End, remote: _End) -> SocketOwner | None:
    """Look up a socket in the kernel's tables."""
    wanted = {(_as_in_table(*local, mapped), _as_in_table(*remote, mapped)) for mapped in (False, True)}
    for columns in _rows():
        if (columns[1], columns[2]) in wanted:
            return SocketOwner(int(columns[7]), int(columns[9]))
    return None


def _rows() -> Iterator[list[bytes]]:
    for name in _TABLES:
        try:
            with open(name, "rb") as table:
                next(table, None)
                for line in table:
                    columns = line.split()
                    if len(columns) > 9:
                        yield columns
        except OSError:
            continue


def _as_in_table(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int, mapped: bool) -> bytes:
    """Format an end as in the tables: words in the machine's byte order.

    :param mapped: format an IPv4 address as seen by a program that uses an IPv6 socket.
    """
    packed = address.packed
    if mapped and len(packed) == 4:
        packed = b"\0" * 10 + b"\xff\xff" + packed
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return ("".join(f"{word:08X}" for word in words) + f":{port:04X}").encode()
