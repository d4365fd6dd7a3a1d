"""Which process holds a socket, and what program it runs (Linux, by ``/proc``; unknown elsewhere).

The search reads the table of open files of every process of one user, milliseconds on a busy desktop. Processes that
were found lately are looked at first, since an agent opens many connections; a search that finds nothing is followed
by a rest, in which only the newest are looked at, so that programs which come and go cannot keep the caller busy.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice

import attr

from ccsproxy.runtime.sockets.sock_diag import SocketOwner

#: The most characters of a path or program name that are kept.
LONGEST = 1024
#: How many sockets and how many processes are remembered.
_SOCKETS, _PROCESSES = 1024, 64
#: After a search that found nothing, no other for so many times the time it took.
_REST = 20
#: So many of the newest processes are looked at even then: a millisecond.
_NEWEST = 16
#: The variable with which a launcher labels the calls of what it starts; children inherit it.
LABELS = "CCSPROXY_LABELS"
_LABELS = f"{LABELS}=".encode()
#: Bytes of a process's variables that are looked at; the kernel allows a few megabytes.
_LARGEST_ENVIRONMENT = 4 << 20


@attr.frozen
class Process:
    """A running program.

    :ivar exe: the file it runs, None where the system does not tell.
    :ivar argv0: what it calls itself: the first word of its command line, never the others, which may hold secrets.
    :ivar cwd: its working directory when it was looked at.
    :ivar started_at: when it started, RFC 3339 in UTC.
    :ivar labels: what its launcher labels its calls with (`LABELS`), ``KEY=VALUE`` pairs with commas; mostly empty.
    """

    pid: int
    exe: str | None
    argv0: str | None
    cwd: str | None
    started_at: str | None
    labels: str = ""


class ProcessFinder:
    """Finds the process behind a socket's number, and remembers it.

    A socket's number is not given again while the socket lives, so an answer holds for the life of a connection.
    Where several processes share a socket, as after a fork, the one with the lowest id is named.

    :param root: where the process table is mounted.
    :param clock: monotonic seconds.
    """

    def __init__(self, root: str = "/proc", clock: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._clock = clock
        self._known: OrderedDict[int, Process | None] = OrderedDict()
        self._recent: OrderedDict[int, None] = OrderedDict()
        self._rest_until = 0.0

    def process_of(self, owner: SocketOwner) -> Process | None:
        """Name the process that holds a socket.

        :return: None when it is gone, belongs to a user whose processes we may not look into, or the search rests.
        """
        if owner.inode in self._known:
            self._known.move_to_end(owner.inode)
            return self._known[owner.inode]
        wanted = f"socket:[{owner.inode}]"
        # A copy, for a process that has ended is forgotten while it is looked at.
        pid = next((each for each in (*reversed(self._recent),) if self._holds(each, wanted)), None)
        if pid is None and self._clock() >= self._rest_until:
            pid = self._search(owner.uid, wanted)
        elif pid is None:
            # Whoever has only begun is found in spite of it: a command that labels its calls makes one and ends.
            newest = islice(self._processes(owner.uid), _NEWEST)
            pid = next((each for each in newest if self._holds(each, wanted)), None)
            if pid is None:
                return None
        return self._remember(owner.inode, pid)

    def _remember(self, inode: int, pid: int | None) -> Process | None:
        found = self._known[inode] = describe(pid, self._root) if pid is not None else None
        if len(self._known) > _SOCKETS:
            self._known.popitem(last=False)
        if pid is not None:
            self._recent[pid] = None
            self._recent.move_to_end(pid)
            if len(self._recent) > _PROCESSES:
                self._recent.popitem(last=False)
        return found

    def _search(self, uid: int, wanted: str) -> int | None:
        began = self._clock()
        for pid in self._processes(uid):
            if self._holds(pid, wanted):
                return self._eldest(pid, wanted)
        now = self._clock()
        self._rest_until = now + _REST * (now - began)
        return None

    def _eldest(self, pid: int, wanted: str) -> int:
        """Return the eldest of the parents of a process that holds the same socket; it has opened it."""
        while (parent := _parent(f"{self._root}/{pid}")) and self._holds(parent, wanted):
            pid = parent
        return pid

    def _processes(self, uid: int) -> Iterator[int]:
        """List the processes of a user, the newest first: whose connection is new has mostly begun lately."""
        try:
            names = sorted((int(name) for name in os.listdir(self._root) if name.isdigit()), reverse=True)
        except OSError:
            return
        for pid in names:
            try:
                if os.stat(f"{self._root}/{pid}").st_uid == uid:
                    yield pid
            except OSError:  # it has ended
                continue

    def _holds(self, pid: int, wanted: str) -> bool:
        folder = f"{self._root}/{pid}/fd"
        try:
            with os.scandir(folder) as entries:
                return any(_link(entry.path) == wanted for entry in entries)
        except OSError:
            self._recent.pop(pid, None)
            return False


def describe(pid: int, root: str = "/proc") -> Process | None:
    """Describe a running process; None when it has ended."""
    folder = f"{root}/{pid}"
    started = _started(folder)
    if started is None:
        return None
    exe, cwd = _text(_link(f"{folder}/exe")), _text(_link(f"{folder}/cwd"))
    return Process(pid, exe, _argv0(folder), cwd, started, _labels(folder))


def _labels(folder: str) -> str:
    """Read a process's labels from the variables it was started with; of these no other is looked at."""
    try:
        with open(f"{folder}/environ", "rb") as file:
            variables = file.read(_LARGEST_ENVIRONMENT).split(b"\0")
    except OSError:
        return ""
    said = next((each for each in variables if each.startswith(_LABELS)), b"")
    return said[len(_LABELS) :].decode("utf-8", "replace")[:LONGEST]


def _parent(folder: str) -> int:
    """Read the number of a process's parent (man 5 proc_pid_stat, field 4), 0 where there is none."""
    try:
        with open(f"{folder}/stat", "rb") as file:
            return int(file.read(4096).rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None


def _text(value: str | None) -> str | None:
    """Bound a text, and make it one that can be written down whatever bytes a path has."""
    return os.fsencode(value[:LONGEST]).decode("utf-8", "replace") if value else None


def _argv0(folder: str) -> str | None:
    """Read a process's first word.

    A program that has written a title over its command line (``npm run dev``) leaves one word with spaces: of that,
    too, only what stands before the first, but for a file's name that has spaces itself.
    """
    try:
        with open(f"{folder}/cmdline", "rb") as file:
            first = file.read(4 * LONGEST).partition(b"\0")[0]
    except OSError:
        return None
    if b" " in first and not os.path.exists(first):
        first = first.partition(b" ")[0]
    return first.decode("utf-8", "replace")[:LONGEST] or None


def _started(folder: str) -> str | None:
    """Read when a process started (man 5 proc_pid_stat, field 22: ticks since the boot)."""
    try:
        with open(f"{folder}/stat", "rb") as file:
            fields = file.read(4096).rpartition(b")")[2].split()
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return None
    return datetime.fromtimestamp(time.time() - age, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
