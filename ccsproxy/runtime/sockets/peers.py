"""The owner of the program at the other end of a loopback connection, and whether it may be served.

On loopback, anyone with an account on the machine can connect. The files of the data directory are protected by their
mode; connections are protected by the owner of the connecting socket, which only the kernel knows and no program can
fake.
"""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import Any

from ccsproxy.runtime.sockets.sock_diag import SocketOwner, find_owner

ROOT = 0


def is_loopback(host: str) -> bool:
    """Tell whether an address (never a name) is a loopback address."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def owner_of_peer(transport: Any) -> SocketOwner | None:
    """Return the owner of the socket at the other end of an accepted TCP connection.

    The kernel is asked, which takes some 30 microseconds: look it up once per connection, with its first request, and
    keep the result. The owner of a socket never changes.

    The addresses do not decide whether to ask: a program may bind any address of the machine before it connects to
    127.0.0.1, and the kernel knows no socket with an address of another machine.

    :return: None if the other end is not a TCP socket on this machine, is closed already, or the kernel does not
    tell.
    """
    peer, host = transport.getPeer(), transport.getHost()
    try:
        return find_owner((peer.host, peer.port), (host.host, host.port))
    except AttributeError:  # a UNIX socket, or not a socket
        return None


def is_same_user(owner: SocketOwner) -> bool:
    """Tell whether a socket's owner is the user of this process, or root, who can read everything anyway."""
    return owner.uid in (ROOT, os.geteuid())
