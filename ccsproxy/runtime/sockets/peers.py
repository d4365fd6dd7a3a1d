"""Whose program is at the other end of a loopback connection, and whether it may be served.

On loopback, anyone who has an account on the machine can connect. What the files of the data dir are guarded from by
their mode, connections are guarded from by the owner of the connecting socket, which only the system can name and no
program can feign.
"""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import Any

from ccsproxy.runtime.sockets.sock_diag import SocketOwner, find_owner

ROOT = 0


def is_loopback(host: str) -> bool:
    """Tell whether an address, never a name, is one of this machine's loopback."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def owner_of_peer(transport: Any) -> SocketOwner | None:
    """Name the owner of the socket at the other end of an accepted TCP connection.

    It asks the system, in some 30 microseconds: ask once a connection, when its first request is there, and keep the
    answer. The owner of a socket never changes.

    Neither end's address decides whether to ask: a program may bind any address of the machine before it connects to
    127.0.0.1, and the system knows of no socket whose address is another machine's.

    :return: None when the other end is no TCP socket of this machine, is closed already, or the system does not tell.
    """
    peer, host = transport.getPeer(), transport.getHost()
    try:
        return find_owner((peer.host, peer.port), (host.host, host.port))
    except AttributeError:  # a UNIX socket, or none
        return None


def is_same_user(owner: SocketOwner) -> bool:
    """Tell whether a socket's owner is the user this process runs as, or root, who may read everything anyway."""
    return owner.uid in (ROOT, os.geteuid())
