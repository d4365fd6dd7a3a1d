"""Detecting requests that come back to us through other programs, before they have gone round often."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable

from ccsproxy.proxy.interfaces import Seconds
from ccsproxy.runtime.sockets.processes import Process, ProcessFinder
from ccsproxy.runtime.sockets.sock_diag import SocketOwner
from ccsproxy.runtime.sockets.socket_graph import is_ccsproxy, leads_back

#: Token bucket of the look-ups: burst size, and seconds until one more is allowed.
BURST, REFILL = 2, 30.0
#: From this number of equal exchanges in progress on, each doubling triggers a look-up of its own.
CROWD = 32

#: What stays the same when a request comes back: method, body length, size of the forwarded header.
Signature = tuple[bytes, int | None, int]


class LoopWatch:
    """Decides whether a client is a program that our own upstream connections lead to.

    While a request loops, its own exchange is in progress: one with the same method, length and header size. Only
    then is the kernel asked who sent it. Where that is another ccsproxy, the look-up takes some ten milliseconds, in
    which every stream waits; so not every such request gets one: the first few do, then one in a while, and one
    whenever the number of equal requests has doubled, which a loop reaches soon. So a loop is found in its first
    round or, under a load of equal requests, at the next doubling. Nearly always the client is some other program,
    which is found out in a tenth of a millisecond to two, and ends the search.

    :param ours: returns the ids of our own processes.
    :param alone: no other process serves the same ports, so a request that comes back meets its own exchange.
    :param clock: monotonic seconds.
    :param leads_back: see `ccsproxy.runtime.sockets.socket_graph.leads_back`.
    :param process_of: finds who holds a socket; what it does not find is left to ``leads_back``.
    """

    def __init__(
        self,
        ours: Callable[[], Iterable[int]],
        alone: bool = True,
        clock: Seconds = time.monotonic,
        leads_back: Callable[[Iterable[int], int], bool] = leads_back,
        process_of: Callable[[SocketOwner], Process | None] | None = None,
    ) -> None:
        self._ours, self._alone, self._clock, self._leads_back = ours, alone, clock, leads_back
        self._process_of = process_of or ProcessFinder().process_of
        self._tokens = float(BURST)
        self._refilled = clock()
        self._crowd, self._forgot_crowd = CROWD, self._refilled
        self._under_way: Counter[Signature] = Counter()
        self._possible = sys.platform == "linux"

    def is_loop(self, signature: Signature, owner: Callable[[], SocketOwner | None]) -> bool:
        """Tell whether a request comes from a program that our connections lead to.

        :param owner: looks up the owner of the client's socket; called only when a look-up is due.
        """
        # Counter look-ups add no entry for a missing key, so unusual requests leave nothing behind.
        equal = self._under_way[signature]
        if not self._possible or (self._alone and not equal) or not self._worth_a_look(equal):
            return False
        client = owner()
        if client is None or self._is_other_program(client):
            return False
        return self._leads_back(self._ours(), client.inode)

    def _is_other_program(self, client: SocketOwner) -> bool:
        """Tell whether a socket is surely held by a program that is no ccsproxy."""
        program = self._process_of(client)
        return program is not None and not is_ccsproxy(program.pid)

    def begin(self, signature: Signature) -> None:
        """Count a request in progress, until `end`."""
        self._under_way[signature] += 1

    def end(self, signature: Signature) -> None:
        """Stop counting a request whose exchange has ended."""
        self._under_way[signature] -= 1
        if self._under_way[signature] <= 0:
            del self._under_way[signature]

    def _worth_a_look(self, equal: int) -> bool:
        if equal >= self._crowd:
            while self._crowd <= equal:
                self._crowd *= 2
            return True
        now = self._clock()
        # A crowd may come back after it has gone; without this reset it would have to be twice as large to trigger a
        # look-up. Not on every occasion, though: clients in lockstep, such as 64 equal ones of a load test, come and
        # go in each round, and one look-up per round would be half of the relay's work.
        if equal == 1 and now - self._forgot_crowd >= REFILL:
            self._crowd, self._forgot_crowd = CROWD, now
        self._tokens = min(BURST, self._tokens + (now - self._refilled) / REFILL)
        self._refilled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
