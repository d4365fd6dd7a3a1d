"""Looks up who is at the other end of connections, in a thread, while the connections last.

A connection may end within a few milliseconds, after which its owner cannot be found. The thread looks it up as soon
as the connection exists; the reactor only queues the look-up, and finds the result on the connection when it ends.
"""

import ipaddress
import threading
from collections.abc import Callable
from queue import SimpleQueue

from twisted.logger import Logger

from ccsproxy.runtime.sockets.processes import Process, ProcessFinder
from ccsproxy.runtime.sockets.sock_diag import SocketOwner, find_owner

#: Host and port of the other end, then of ours.
Ends = tuple[str, int, str, int]
#: Maximum number of queued look-ups: under such load the results are of little use.
_MOST = 64

_log = Logger()


def is_local(ends: Ends) -> bool:
    """Tell whether the other end of a connection can only be a program on this machine."""
    try:
        return ends[0] == ends[2] or ipaddress.ip_address(ends[0].partition("%")[0]).is_loopback
    except ValueError:
        return False


class CallerFinder:
    """Finds the processes behind connections; its thread starts with the first look-up and ends with `close`.

    :param owner_of: finds the owner of the socket with given ends, its own first.
    :param process_of: finds the process that holds a socket.
    """

    def __init__(
        self,
        owner_of: Callable[[tuple[str, int], tuple[str, int]], SocketOwner | None] = find_owner,
        process_of: Callable[[SocketOwner], Process | None] | None = None,
    ) -> None:
        self._owner_of = owner_of
        self._process_of = process_of or ProcessFinder().process_of
        self._questions: SimpleQueue[tuple[Ends, Callable[[Process], None]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def ask(self, ends: Ends, found: Callable[[Process], None]) -> None:
        """Queue a look-up of a connection's process.

        :param found: called in the thread with the result, if there is one.
        """
        if self._questions.qsize() >= _MOST:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._answer, name="ccsproxy-callers", daemon=True)
            self._thread.start()
        self._questions.put((ends, found))

    def close(self) -> None:
        """End the thread after its current look-up."""
        if self._thread is not None:
            self._questions.put(None)
            self._thread = None

    def _answer(self) -> None:
        while (question := self._questions.get()) is not None:
            ends, found = question
            try:
                owner = self._owner_of(ends[:2], ends[2:])
                process = self._process_of(owner) if owner is not None else None
                if process is not None:
                    found(process)
            except Exception:
                _log.failure("the process behind a connection could not be looked up")
