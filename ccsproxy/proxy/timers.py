"""Deadlines by the thousand: one reactor call for all that fall into the same second.

`txaio.make_batched_timer` is used here and nowhere else. Its traps, and what is done about them: it fires up to a
bucket early, so a delay is rounded up and the time looked at again; cancelling is linear in the bucket, so a deadline
that moves is an assignment and nothing is cancelled before `Deadline.close`; it takes its reactor from
``txaio.config.loop``, which is therefore set before each use; and what a call raises reaches the others as one lump,
so nothing is let out. See ``docs/adr/0002-txaio-batched-timers.md``.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import txaio
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

#: Seconds that share one reactor call: how late a deadline may fire, never early.
BUCKET = 1.0

log = Logger()


class BatchedTimers:
    """The clock of all deadlines of one reactor.

    :ivar seconds: tells the reactor's time in seconds.
    """

    def __init__(self, reactor: IReactorTime) -> None:
        txaio.use_twisted()
        # Its functions exist at run time only, so the type checker knows none of them.
        self._txaio: Any = txaio
        self._reactor = reactor
        self._timer = self._txaio.make_batched_timer(BUCKET)
        self.seconds = reactor.seconds

    def call_by(self, when: float, call: Callable[[], None]) -> Any:
        """Call something at a time or up to `BUCKET` seconds later, never earlier.

        :param when: the reactor's time in seconds.
        :return: something to ``cancel()``, once, before it is called.
        """
        self._txaio.config.loop = self._reactor
        return self._timer.call_later(max(0.0, when - self._reactor.seconds()) + BUCKET, call)


class Deadline:
    """One deadline that moves often and is rarely missed, such as that of a connection's next byte.

    :param expired: called when the deadline has passed, with what was given to `set`.
    """

    __slots__ = ("_armed_for", "_at", "_calls", "_current", "_expired", "_seconds", "_timers", "_what")

    def __init__(self, timers: BatchedTimers, expired: Callable[[Any], None]) -> None:
        self._timers = timers
        self._seconds = timers.seconds
        self._expired = expired
        self._at = 0.0
        self._what: Any = None
        self._calls: dict[int, Any] = {}
        self._current = 0
        self._armed_for = float("inf")

    def set(self, delay: float, what: Any) -> None:
        """Replace the deadline; 0 means never.

        :param delay: seconds from now.
        :param what: what `expired` is told when the deadline is missed.
        """
        if not delay:
            self._at = 0.0
            return
        self._what = what
        self._at = at = self._seconds() + delay
        if at < self._armed_for:
            self._arm(at)

    def clear(self) -> None:
        """Have no deadline until the next `set`."""
        self._at = 0.0

    def close(self) -> None:
        """Have no deadline any more, and let go of every timer."""
        self._at = 0.0
        self._armed_for = float("inf")
        calls, self._calls = self._calls, {}
        for call in calls.values():
            call.cancel()

    def _arm(self, at: float) -> None:
        # A number rather than the call itself ties the two together: no reference cycle for the collector.
        self._current += 1
        self._armed_for = at
        self._calls[self._current] = self._timers.call_by(at, partial(self._fired, self._current))

    def _fired(self, number: int) -> None:
        # A closed deadline may still be called: a bucket that is being worked off cannot be cancelled.
        if self._calls.pop(number, None) is None or number != self._current:
            return
        self._armed_for = float("inf")
        if not self._at:
            return
        if self._timers.seconds() < self._at:
            self._arm(self._at)
            return
        self._at = 0.0
        try:
            self._expired(self._what)
        except Exception:
            log.failure("a missed deadline could not be dealt with")
