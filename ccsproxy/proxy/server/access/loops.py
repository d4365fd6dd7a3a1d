"""Noticing requests that come back to us through other programs, before they have gone round often."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable

from ccsproxy.proxy.interfaces import Seconds
from ccsproxy.runtime.sockets.sock_diag import SocketOwner
from ccsproxy.runtime.sockets.socket_graph import leads_back

#: So many looks may follow one another at once, and a further one every so many seconds.
BURST, REFILL = 2, 30.0
#: From so many equal exchanges under way on, each doubling of their number is worth a look of its own.
CROWD = 32

#: What a request has in common with itself when it comes back: method, body length, size of the header that goes on.
Signature = tuple[bytes, int | None, int]


class LoopWatch:
    """Decides whether a client is a program that our own connections lead to.

    A request that comes back meets the exchange that it is of: one with the same method, length and header is under
    way. Then the system is asked who has sent it. A look costs some ten milliseconds, so not every such request gets
    one: the first few do, one in a while afterwards, and one whenever the equal ones are twice as many as before,
    which a loop makes them soon. So a loop is found in its first round, or, under a load of equal requests, at the
    next doubling.

    :param ours: returns the ids of the processes that are us.
    :param alone: no other process serves the same ports, so that what comes back meets the exchange that it is of.
    :param clock: monotonic seconds.
    :param leads_back: see `ccsproxy.runtime.sockets.socket_graph.leads_back`.
    """

    def __init__(
        self,
        ours: Callable[[], Iterable[int]],
        alone: bool = True,
        clock: Seconds = time.monotonic,
        leads_back: Callable[[Iterable[int], int], bool] = leads_back,
    ) -> None:
        self._ours, self._alone, self._clock, self._leads_back = ours, alone, clock, leads_back
        self._tokens = float(BURST)
        self._refilled = clock()
        self._crowd, self._forgot_crowd = CROWD, self._refilled
        self._under_way: Counter[Signature] = Counter()
        self._possible = sys.platform == "linux"

    def is_loop(self, signature: Signature, owner: Callable[[], SocketOwner | None]) -> bool:
        """Tell whether a request comes from a program that our connections lead to.

        :param owner: names the owner of the client's socket; asked only when it is worth a look.
        """
        # A Counter's own lookup adds no entry for what is missing, so that odd requests leave nothing behind.
        equal = self._under_way[signature]
        if not self._possible or (self._alone and not equal) or not self._worth_a_look(equal):
            return False
        client = owner()
        return client is not None and self._leads_back(self._ours(), client.inode)

    def begin(self, signature: Signature) -> None:
        """Remember a request that is relayed, until `end`."""
        self._under_way[signature] += 1

    def end(self, signature: Signature) -> None:
        """Forget a request whose exchange is over."""
        self._under_way[signature] -= 1
        if self._under_way[signature] <= 0:
            del self._under_way[signature]

    def _worth_a_look(self, equal: int) -> bool:
        if equal >= self._crowd:
            while self._crowd <= equal:
                self._crowd *= 2
            return True
        now = self._clock()
        # A crowd that has gone may come again; without this, its second coming would have to be twice as large to be
        # looked at. Not each time, though: clients that ask in step, as 64 equal ones of a load do, come and go with
        # every round of theirs, and a look for each would be half of the relay's work.
        if equal == 1 and now - self._forgot_crowd >= REFILL:
            self._crowd, self._forgot_crowd = CROWD, now
        self._tokens = min(BURST, self._tokens + (now - self._refilled) / REFILL)
        self._refilled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
