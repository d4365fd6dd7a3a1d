"""Which process holds a socket, and what program it runs (Linux, by ``/proc``; unknown elsewhere).

The search reads the tables of open files of all processes of one user, milliseconds on a busy desktop. Recently found
processes are checked first, since an agent opens many connections; a search without a result is followed by a pause,
in which only the newest processes are checked, so that short-lived programs cannot keep the caller busy.
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

#: Maximum length in characters of a stored path or program name.
LONGEST = 1024
#: How many sockets and how many processes are cached.
_SOCKETS, _PROCESSES = 1024, 64
#: After a search without a result, the pause is this many times as long as the search took.
_PAUSE_FACTOR = 20
#: How many of the newest processes are checked even then: a millisecond.
_NEWEST = 16
#: How many descriptors behind the one found last are checked before all of them.
_AHEAD = 8
#: The variable with which a launcher labels the calls of what it starts; children inherit it.
LABELS = "CCSPROXY_LABELS"
_LABELS = f"{LABELS}=".encode()
#: How many bytes of a process's environment are read; the kernel allows a few megabytes.
_LARGEST_ENVIRONMENT = 4 << 20


@attr.frozen
class Process:
    """A running program.

    :ivar exe: its executable file, None if the kernel does not tell.
    :ivar argv0: the first word of its command line, never the others, which may contain secrets.
    :ivar cwd: its working directory when it was looked up.
    :ivar started_at: when it started, RFC 3339 in UTC.
    :ivar labels: its launcher's labels for its calls (`LABELS`), ``KEY=VALUE`` pairs with commas; usually empty.
    """

    pid: int
    exe: str | None
    argv0: str | None
    cwd: str | None
    started_at: str | None
    labels: str = ""


class ProcessFinder:
    """Finds the process that holds the socket with an inode, and caches it.

    An inode is not reused while the socket lives, so a result is valid for the life of a connection. If several
    processes share a socket, as after a fork, the one with the lowest id is returned. The newest connection of a
    program that has a thousand is looked for behind the one before.

    :param root: where the process table is mounted.
    :param clock: monotonic seconds.
    """

    def __init__(self, root: str = "/proc", clock: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._clock = clock
        self._known: OrderedDict[int, Process | None] = OrderedDict()
        self._recent: OrderedDict[int, int] = OrderedDict()
        self._pause_until = 0.0

    def process_of(self, owner: SocketOwner) -> Process | None:
        """Return the process that holds a socket.

        :return: None if it is gone, belongs to a user whose processes we may not inspect, or searches are paused.
        """
        if owner.inode in self._known:
            self._known.move_to_end(owner.inode)
            return self._known[owner.inode]
        wanted = f"socket:[{owner.inode}]"
        # A copy, because a process that has ended is removed during the check.
        pid = next((each for each in (*reversed(self._recent),) if self._holds(each, wanted)), None)
        if pid is None and self._clock() >= self._pause_until:
            pid = self._search(owner.uid, wanted)
        elif pid is None:
            # A process that has just started is found even so: a command that labels its calls makes one call and
            # ends.
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
            self._recent.move_to_end(pid)
            while len(self._recent) > _PROCESSES:
                self._recent.popitem(last=False)
        return found

    def _search(self, uid: int, wanted: str) -> int | None:
        began = self._clock()
        for pid in self._processes(uid):
            if self._holds(pid, wanted):
                return self._oldest_ancestor(pid, wanted)
        now = self._clock()
        self._pause_until = now + _PAUSE_FACTOR * (now - began)
        return None

    def _oldest_ancestor(self, pid: int, wanted: str) -> int:
        """Return the oldest ancestor of a process that holds the same socket; it opened the socket."""
        while (parent := _parent(f"{self._root}/{pid}")) and self._holds(parent, wanted):
            pid = parent
        return pid

    def _processes(self, uid: int) -> Iterator[int]:
        """List the processes of a user, newest first: new connections mostly come from recently started processes."""
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
        """Tell whether a process has a socket, and remember behind which descriptor its next one may be."""
        folder = f"{self._root}/{pid}/fd"
        last = self._recent.get(pid)
        ahead = range(last + 1, last + 1 + _AHEAD) if last is not None else ()
        found = next((number for number in ahead if _link(f"{folder}/{number}") == wanted), None)
        if found is None:
            try:
                # The system lists them in their order: what is new is mostly at the end.
                names = reversed(os.listdir(folder))
            except OSError:
                self._recent.pop(pid, None)
                return False
            found = next((int(name) for name in names if _link(f"{folder}/{name}") == wanted), None)
        if found is not None:
            self._recent[pid] = found
        return found is not None


def describe(pid: int, root: str = "/proc") -> Process | None:
    """Describe a running process; None if it has ended."""
    folder = f"{root}/{pid}"
    started = _started(folder)
    if started is None:
        return None
    exe, cwd = _text(_link(f"{folder}/exe")), _text(_link(f"{folder}/cwd"))
    return Process(pid, exe, _argv0(folder), cwd, started, _labels(folder))


def _labels(folder: str) -> str:
    """Read a process's labels from its initial environment, of which nothing else is used."""
    try:
        with open(f"{folder}/environ", "rb") as file:
            variables = file.read(_LARGEST_ENVIRONMENT).split(b"\0")
    except OSError:
        return ""
    entry = next((each for each in variables if each.startswith(_LABELS)), b"")
    return entry[len(_LABELS) :].decode("utf-8", "replace")[:LONGEST]


def _parent(folder: str) -> int:
    """Read a process's parent id (man 5 proc_pid_stat, field 4), 0 if there is none."""
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
    """Truncate a text, and make it valid Unicode whatever bytes a path has."""
    return os.fsencode(value[:LONGEST]).decode("utf-8", "replace") if value else None


def _argv0(folder: str) -> str | None:
    """Read the first word of a process's command line.

    A program that has overwritten its command line with a title (``npm run dev``) leaves one word with spaces: only
    the part before the first space is used, unless it is a file name that contains spaces.
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
    """Read the start time of a process (man 5 proc_pid_stat, field 22: ticks since boot)."""
    try:
        with open(f"{folder}/stat", "rb") as file:
            fields = file.read(4096).rpartition(b")")[2].split()
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return None
    return datetime.fromtimestamp(time.time() - age, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
