"""The program at the other end of a connection, looked up once per connection, without delaying the relay.

The relay hands over the addresses of both ends of a connection with each request's head. The look-up takes
milliseconds on a busy machine, and delays no byte. A program that has exited by then remains unknown.
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

import msgspec

from ccsproxy.exchange.record import Process
from ccsproxy.exchange.relayed import RequestHead
from ccsproxy.runtime.sockets import processes
from ccsproxy.runtime.sockets.processes import ProcessFinder
from ccsproxy.runtime.sockets.sock_diag import SocketOwner, find_owner

#: How many connections are remembered.
_CONNECTIONS = 4096
#: Labels of one program, their keys, and characters of a value.
_MOST_LABELS, _KEY, _LONGEST_LABEL = 16, re.compile(r"[A-Za-z0-9_.-]{1,64}"), 256


class Callers:
    """Identifies the process behind each connection, and remembers it as long as the connection may last.

    :param owner_of: finds the socket with two ends, its own first.
    :param process_of: finds the process that holds a socket.
    """

    def __init__(
        self,
        owner_of: Callable[[tuple[str, int], tuple[str, int]], SocketOwner | None] = find_owner,
        process_of: Callable[[SocketOwner], processes.Process | None] | None = None,
    ) -> None:
        self._owner_of = owner_of
        self._process_of = process_of or ProcessFinder().process_of
        self._known: OrderedDict[str, Process | None] = OrderedDict()
        self._by_pid: OrderedDict[int, Process] = OrderedDict()
        self._labels: dict[int, str] = {}

    def process(self, head: RequestHead) -> Process | None:
        """Return the process that sent a request; None if the system cannot tell."""
        if head.connection and head.connection in self._known:
            return self._known[head.connection]
        found = self._ask(head)
        if head.connection:
            self._known[head.connection] = found
            if len(self._known) > _CONNECTIONS:
                self._known.popitem(last=False)
        return found

    def told(
        self, head: RequestHead, caller: tuple[int, str | None, str | None, str | None, str | None, str]
    ) -> Process:
        """Store what the relay found out while the connection lasted; see `ccsproxy.exchange.relayed.Ending`."""
        pid, exe, argv0, cwd, started_at, labels = caller
        known = self._same(Process(pid=pid, exe=exe, argv0=argv0, cwd=cwd, started_at=started_at), labels)
        if head.connection:
            self._known[head.connection] = known
        return known

    def _ask(self, head: RequestHead) -> Process | None:
        owner = SocketOwner(*head.owner) if head.owner is not None else None
        if owner is None and head.ends is not None:
            host, port, own_host, own_port = head.ends
            owner = self._owner_of((host, port), (own_host, own_port))
        found = self._process_of(owner) if owner is not None else None
        if found is None:
            return None
        return self._same(
            Process(pid=found.pid, exe=found.exe, argv0=found.argv0, cwd=found.cwd, started_at=found.started_at),
            found.labels,
        )

    def labels_of(self, process: Process) -> dict[str, str]:
        """Return the labels that a process's launcher set for its calls."""
        return read_labels(self._labels.get(process.pid, ""))

    def _same(self, process: Process, labels: str) -> Process:
        """Use the first reported start time of a process, because later reports may differ by a millisecond."""
        self._labels[process.pid] = labels
        # Process ids are reused: an id names a program only together with its start time.
        before = self._by_pid.get(process.pid)
        if before is not None and _is_same(before, process.started_at):
            return msgspec.structs.replace(process, started_at=before.started_at)
        self._by_pid[process.pid] = process
        if len(self._by_pid) > _CONNECTIONS:
            self._labels.pop(self._by_pid.popitem(last=False)[0], None)
        return process


def read_labels(said: str) -> dict[str, str]:
    """Parse ``KEY=VALUE`` pairs separated by commas; invalid and excess ones are left out."""
    pairs = (pair.partition("=") for pair in said.split(",")[:_MOST_LABELS])
    return {key: value[:_LONGEST_LABEL] for key, mark, value in pairs if mark and _KEY.fullmatch(key)}


def is_running(process: Process) -> bool:
    """Return whether a process is still running, and is not another one with the same id."""
    now = processes.describe(process.pid)
    return now is not None and _is_same(process, now.started_at)


def _is_same(process: Process, started_at: str | None) -> bool:
    """Return whether a process started at a time, within two seconds."""
    if process.started_at is None or started_at is None:
        return process.started_at == started_at
    started, other = datetime.fromisoformat(process.started_at), datetime.fromisoformat(started_at)
    # The start is counted in ticks since boot, and the system recomputes the time of the boot whenever the clock is
    # set.
    return abs((started - other).total_seconds()) < 2
