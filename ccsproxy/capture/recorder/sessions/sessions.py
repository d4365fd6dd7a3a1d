"""The sessions that are known, and the next sequence number in each."""

import os
from collections import OrderedDict
from collections.abc import Callable

from ccsproxy.exchange.ids import SESSION_ID

#: For how many sessions the last number is cached; for others the store is queried.
REMEMBERED = 4096


class Sessions:
    """Gives numbers that count up from 1 in each session and are never given twice."""

    def __init__(
        self, run_session_id: str, last_seq: Callable[[str], int], random: Callable[[int], bytes] = os.urandom
    ) -> None:
        """Create the sessions of a run.

        :param run_session_id: the session of exchanges that belong to no other.
        :param last_seq: the last number in a session, 0 for none, also across restarts.
        :param random: makes the names of recognised conversations unique.
        """
        self.random = random
        self._run, self._last_seq = run_session_id, last_seq
        self._last: OrderedDict[str, int] = OrderedDict()

    @property
    def run(self) -> str:
        """The session of exchanges that belong to no other."""
        return self._run

    def named(self, named: str | None) -> str | None:
        """Return the client's own session if it names a valid one, else None."""
        return named if named is not None and SESSION_ID.match(named) else None

    def choose(self, named: str | None) -> str:
        """Return the client's own session if it names a valid one, else the run's."""
        return self.named(named) or self._run

    def next_seq(self, session_id: str) -> int:
        """Give the next number of a session."""
        known = self._last.pop(session_id, 0)
        # The store is queried for each new session, because an earlier run may have assigned numbers.
        self._last[session_id] = number = max(known, self._last_seq(session_id)) + 1
        if len(self._last) > REMEMBERED:
            self._last.popitem(last=False)
        return number
