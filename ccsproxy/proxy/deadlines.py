"""Deadlines by the thousand: one timer for the hundred that fall into the same second.

`txaio.make_batched_timer` is used here and nowhere else. Its traps, and what is done about them: it fires up to a
bucket early, so it is asked for the middle of one; cancelling is linear in the bucket, so it hears of a hundred
deadlines at once, and a deadline that moves is an assignment; it takes its reactor from ``txaio.config.loop``, which
is therefore set before each use; and what a call raises reaches the others as one lump, so nothing is let out. See
``docs/adr/0002-txaio-batched-timers.md``.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import txaio
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ccsproxy.runtime.clock import StallWatch

#: Seconds that share their timers: how late a deadline may fire, never early.
BUCKET = 1.0
#: So many deadlines share one timer, and are worked off in one turn of the reactor.
CROWD = 100

log = Logger()


class Slot(dict["Deadline", None]):
    """Deadlines that share a timer, in the order in which they were armed.

    :ivar due: when it fires, in the reactor's seconds; its deadlines are at most `BUCKET` earlier.
    :ivar timer: the timer, None when it has fired.
    """

    __slots__ = ("due", "timer")

    def __init__(self, due: float) -> None:
        super().__init__()
        self.due = due
        self.timer: Any = None


class BatchedTimers:
    """The clock of all deadlines of one reactor.

    A deadline that is passed is missed only if it still is after the reactor has read its sockets once more: what the
    peer has sent in time may wait there while we were stopped or busy. What we were stopped for counts for nobody:
    all deadlines move by it.

    :ivar seconds: tells the reactor's time in seconds.
    """

    def __init__(self, reactor: IReactorTime, stalls: StallWatch | None = None) -> None:
        """Make the clock.

        :param stalls: knows of the time in which this process did not run; without it all time counts.
        """
        txaio.use_twisted()
        # Its functions exist at run time only, so the type checker knows none of them.
        self._txaio: Any = txaio
        self._reactor = reactor
        self._timer = self._txaio.make_batched_timer(BUCKET, chunk_size=1)
        self._open: dict[float, Slot] = {}
        self._armed: dict[int, Slot] = {}
        self._passed: list[Deadline] = []
        self._stalls = stalls
        if stalls is not None:
            stalls.on_stall.append(self._move_all)
        self.seconds = reactor.seconds

    def arm(self, deadline: "Deadline", at: float) -> Slot:
        """Let a deadline be `Deadline.fired` at a time or up to `BUCKET` seconds later, never earlier.

        :param at: the reactor's time in seconds.
        :return: what to `disarm` it with before that.
        """
        due = (max(at, self.seconds()) // BUCKET + 1) * BUCKET
        slot = self._open.get(due)
        if slot is None or len(slot) >= CROWD:
            slot = self._open[due] = Slot(due)
            if self._stalls is not None and not self._armed:
                self._stalls.start()
            self._armed[id(slot)] = slot
            self._txaio.config.loop = self._reactor
            slot.timer = self._timer.call_later(due - self.seconds() + BUCKET / 2, partial(self._fire, slot))
        slot[deadline] = None
        return slot

    def disarm(self, deadline: "Deadline", slot: Slot) -> None:
        """Forget a deadline, and the timer when it was the last one of it."""
        slot.pop(deadline, None)
        if not slot and slot.timer is not None:
            slot.timer.cancel()
            self._release(slot)

    def missed(self, deadline: "Deadline") -> None:
        """Judge a deadline that has passed when the reactor has read what waits in its sockets."""
        if not self._passed:
            self._reactor.callLater(0, self._judge)
        self._passed.append(deadline)

    def _judge(self) -> None:
        passed, self._passed = self._passed, []
        for deadline in passed:
            deadline.judge()

    def _move_all(self, seconds: float) -> None:
        """Put every deadline off by the time in which we stood still."""
        for slot in self._armed.values():
            for deadline in slot:
                deadline.put_off(seconds)
        for deadline in self._passed:
            deadline.put_off(seconds)

    def _release(self, slot: Slot) -> None:
        slot.timer = None
        self._armed.pop(id(slot), None)
        if self._open.get(slot.due) is slot:
            del self._open[slot.due]
        if self._stalls is not None and not self._armed:
            self._stalls.stop()

    def _fire(self, slot: Slot) -> None:
        if self._stalls is not None:
            self._stalls.look()
        self._release(slot)
        while slot:
            # One after the other: a deadline may close others of the same slot, which then stay silent.
            deadline = next(iter(slot))
            del slot[deadline]
            deadline.fired()


class Deadline:
    """One deadline that moves often and is rarely missed, such as that of a connection's next byte.

    :param expired: called when the deadline has passed, with what was given to `set`.
    """

    __slots__ = ("_at", "_expired", "_not_before", "_seconds", "_slot", "_timers", "_what")

    def __init__(self, timers: BatchedTimers, expired: Callable[[Any], None]) -> None:
        self._timers = timers
        self._seconds = timers.seconds
        self._expired: Callable[[Any], None] | None = expired
        self._at = 0.0
        self._what: Any = None
        self._slot: Slot | None = None
        self._not_before = float("inf")

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
        if at < self._not_before:
            self._arm(at)

    def clear(self) -> None:
        """Have no deadline until the next `set`."""
        self._at = 0.0

    def close(self) -> None:
        """Have no deadline ever again, and let go of everybody."""
        self._at = 0.0
        self._not_before = float("-inf")
        self._expired = self._what = None
        slot, self._slot = self._slot, None
        if slot is not None:
            self._timers.disarm(self, slot)

    def _arm(self, at: float) -> None:
        if self._slot is not None:
            self._timers.disarm(self, self._slot)
        self._slot = slot = self._timers.arm(self, at)
        self._not_before = slot.due - BUCKET

    def fired(self) -> None:
        """Look whether the deadline has passed; it may have moved since it was armed."""
        self._slot = None
        self._not_before = float("inf")
        if not self._at or self._expired is None:
            return
        if self._seconds() < self._at:
            self._arm(self._at)
        else:
            self._timers.missed(self)

    def put_off(self, seconds: float) -> None:
        """Move the deadline, if there is one."""
        if self._at:
            self._at += seconds

    def judge(self) -> None:
        """Be missed, unless something has happened since the deadline passed."""
        if not self._at or self._expired is None or self._slot is not None:
            return
        if self._seconds() < self._at:
            self._arm(self._at)
            return
        self._at = 0.0
        try:
            self._expired(self._what)
        except Exception:
            log.failure("a missed deadline could not be dealt with")
