"""Where the connections of some processes lead on this machine, over however many other processes (Linux).

A request that comes back to the process that has sent it, perhaps through other programs, is in a loop; nothing in it
says so, and nothing may be added to it that would. The system's table of connections tells: the socket that it comes
through is held by a process to which connections of ours lead.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable

_ESTABLISHED, _LISTEN = b"01", b"0A"
#: How the kernel writes an IPv4 address within an IPv6 one: four words, each in the machine's byte order.
_MAPPED = b"0000000000000000FFFF0000"


def sockets_behind(pids: Iterable[int]) -> frozenset[int]:
    """Return the inodes of all sockets of the processes that connections of some processes lead to.

    It reads the table of connections and the open files of every process of this user: some ten milliseconds. Those
    of other users cannot be looked into, and end the search where it meets them.

    :param pids: where to begin; their own sockets are among the result, since what they connect to may be themselves.
    """
    connections, listening = _connections()
    holders = _holders(set(connections))
    held: dict[int, list[int]] = defaultdict(list)
    for inode, pid in holders.items():
        held[pid].append(inode)
    by_ends = {ends: inode for inode, ends in connections.items()}
    seen, coming = set[int](), list(pids)
    while coming:
        pid = coming.pop()
        if pid in seen:
            continue
        seen.add(pid)
        for inode in held.get(pid, ()):
            here, there = connections[inode]
            if there.rpartition(b":")[2] not in listening:
                continue  # it was accepted: it leads to us, not from us
            other = holders.get(by_ends.get((there, here), -1))
            if other is not None:
                coming.append(other)
    return frozenset(inode for pid in seen for inode in held.get(pid, ()))


def _connections() -> tuple[dict[int, tuple[bytes, bytes]], set[bytes]]:
    """Read the table: both ends of each connection by its inode, and the ports that are listened on."""
    connections: dict[int, tuple[bytes, bytes]] = {}
    listening: set[bytes] = set()
    for name in ("tcp", "tcp6"):
        try:
            with open(f"/proc/self/net/{name}", "rb") as table:
                next(table, None)
                for line in table:
                    fields = line.split(None, 10)
                    if fields[3] == _ESTABLISHED:
                        connections[int(fields[9])] = (_plain(fields[1]), _plain(fields[2]))
                    elif fields[3] == _LISTEN:
                        listening.add(fields[1].rpartition(b":")[2])
        except OSError:
            continue
    return connections, listening


def _plain(end: bytes) -> bytes:
    return end.removeprefix(_MAPPED)


def _holders(wanted: set[int]) -> dict[int, int]:
    """Find the processes that hold sockets, as far as we may look."""
    found: dict[int, int] = {}
    uid = os.geteuid()
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            if os.stat(f"/proc/{name}").st_uid != uid:
                continue
            for entry in os.scandir(f"/proc/{name}/fd"):
                link = os.readlink(entry.path)
                if link.startswith("socket:[") and (inode := int(link[8:-1])) in wanted:
                    found[inode] = int(name)
        except OSError:  # it has ended, or closed the file
            continue
    return found


def sibling_processes() -> set[int]:
    """Return the ids of the children of our parent, ourselves among them, and of the parent."""
    parent, found = os.getppid(), {os.getpid(), os.getppid()}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                if int(file.read(4096).rpartition(b")")[2].split()[1]) == parent:
                    found.add(int(name))
        except (OSError, ValueError, IndexError):
            continue
    return found
