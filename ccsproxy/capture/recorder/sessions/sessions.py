"""The sessions that are known, and the next sequence number in each."""

import os
from collections import OrderedDict
from collections.abc import Callable

from ccsproxy.exchange.ids import SESSION_ID

#: How many sessions' last numbers are remembered here; for the others the store is asked.
REMEMBERED = 4096


class Sessions:
    """Gives numbers that count up from 1 in each session and are never given twice."""

    def __init__(
        self, run_session_id: str, last_seq: Callable[[str], int], random: Callable[[int], bytes] = os.urandom
    ) -> None:
        """Make one for a run.

        :param run_session_id: the session of whoever names none.
        :param last_seq: the last number that a session has had, 0 for none, also across restarts.
        :param random: what tells the names of our own conversations apart.
        """
        self.random = random
        self._run, self._last_seq = run_session_id, last_seq
        self._last: OrderedDict[str, int] = OrderedDict()

    @property
    def run(self) -> str:
        """The session of whoever belongs to none."""
        return self._run

    def named(self, named: str | None) -> str | None:
        """Return the client's own session where it names one that may serve as a name, else None."""
        return named if named is not None and SESSION_ID.match(named) else None

    def choose(self, named: str | None) -> str:
        """Return the client's own session where it names one that may serve as a name, else the run's."""
        return self.named(named) or self._run

    def next_seq(self, session_id: str) -> int:
        """Give the next number of a session."""
        known = self._last.pop(session_id, 0)
        # The store is asked each time: an earlier run has given numbers that we never saw.
        self._last[session_id] = number = max(known, self._last_seq(session_id)) + 1
        if len(self._last) > REMEMBERED:
            self._last.popitem(last=False)
        return number
