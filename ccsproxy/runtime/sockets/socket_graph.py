"""Follows connections between processes on this machine, over any number of intermediate processes (Linux).

A request that comes back to the process that sent it, perhaps through other programs, is in a loop; nothing in it
says so, and nothing may be added to it that would. The kernel's table of connections reveals it: the socket it comes
through is held by another ccsproxy to which our connections lead. Other programs are not suspected: one that offers
an API and calls it through us, as a test does, looks the same and is not a loop.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator

_ESTABLISHED, _LISTEN = b"01", b"0A"
#: The kernel's form of an IPv4 address within an IPv6 one: four words, each in the machine's byte order.
_MAPPED = b"0000000000000000FFFF0000"


def leads_back(pids: Iterable[int], inode: int) -> bool:
    """Tell whether a socket is held by another ccsproxy that our connections lead to.

    If no other one runs, that takes a few milliseconds; otherwise some ten.

    :param pids: our own processes.
    :param inode: the client's socket.
    """
    ours, me = set(pids), os.getpid()
    others = [pid for pid in _our_users() if pid != me and is_ccsproxy(pid)]
    if not any(inode in _sockets(pid) for pid in others):
        return False
    return inode in sockets_behind(ours)


def is_ccsproxy(pid: int) -> bool:
    """Tell by its command line whether a process is a ccsproxy that relays."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return relays(file.read(4096).split(b"\0"))
    except OSError:
        return False


def relays(words: list[bytes]) -> bool:
    """Tell whether a command line starts a ccsproxy in one of the possible ways."""
    names = [word.rpartition(b"/")[2] for word in words[:4]]
    module = words[words.index(b"-m") + 1 :][:1] if b"-m" in words else []
    if names[:1] == [b"ccsproxy"] or (b"python" in names[0] and b"ccsproxy" in names[1:2]):
        return True
    if module and module[0].startswith(b"ccsproxy."):
        return True
    return b"ccsproxy" in words and not {b"twistd", b"twist"}.isdisjoint(names)


def sockets_behind(pids: Iterable[int]) -> frozenset[int]:
    """Return the inodes of all sockets of the processes that connections of some processes lead to.

    It reads the table of connections and the open files of every process of this user: some ten milliseconds.
    Processes of other users cannot be inspected, and end the search.

    :param pids: where to start; their own sockets are included, since they may be connected to themselves.
    """
    connections, listening = _connections()
    holders = _holders(set(connections))
    held: dict[int, list[int]] = defaultdict(list)
    for inode, pid in holders.items():
        held[pid].append(inode)
    by_ends = {ends: inode for inode, ends in connections.items()}
    seen, queue = set[int](), list(pids)
    while queue:
        pid = queue.pop()
        if pid in seen:
            continue
        seen.add(pid)
        for inode in held.get(pid, ()):
            here, there = connections[inode]
            if there.rpartition(b":")[2] not in listening:
                continue  # it was accepted: it leads to us, not from us
            other = holders.get(by_ends.get((there, here), -1))
            if other is not None:
                queue.append(other)
    return frozenset(inode for pid in seen for inode in held.get(pid, ()))


def _connections() -> tuple[dict[int, tuple[bytes, bytes]], set[bytes]]:
    """Read the table: both ends of each connection by its inode, and the listening ports."""
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
    """Find the processes that hold sockets, as far as we may inspect them."""
    return {inode: pid for pid in _our_users() for inode in _sockets(pid) if inode in wanted}


def _our_users() -> Iterator[int]:
    """List the processes of this process's user."""
    uid = os.geteuid()
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{name}").st_uid == uid:
                yield int(name)
        except OSError:  # it has ended
            continue


def _sockets(pid: int) -> list[int]:
    """List the inodes of a process's sockets."""
    found = []
    try:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            link = os.readlink(entry.path)
            if link.startswith("socket:["):
                found.append(int(link[8:-1]))
    except OSError:  # it has ended, or closed the file, or must not be inspected
        return found
    return found


def sibling_processes() -> set[int]:
    """Return the ids of our parent's children, including ourselves, and of the parent."""
    parent, found = os.getppid(), {os.getpid(), os.getppid()}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                if int(file.read(4096).rpartition(b")")[2].split()[1]) == parent:
                    found.add(int(name))
        except (OSError, ValueError, IndexError):
            continue
    return found
