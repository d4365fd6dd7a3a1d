"""Thousands of deadlines, batched: a hundred deadlines of the same second share one timer.

`txaio.make_batched_timer` is used here and nowhere else. Its pitfalls, and how they are avoided: it fires up to a
bucket early, so it is asked for the middle of a bucket; cancelling is linear in the bucket, so a hundred deadlines
share one of its timers, and moving a deadline is an assignment; it takes its reactor from ``txaio.config.loop``,
which is therefore set before each use; and exceptions of the callbacks are raised together, so none is let out. See
``docs/adr/0002-txaio-batched-timers.md``.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import txaio
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ccsproxy.runtime.clock import StallWatch

#: Granularity in seconds: how late a deadline may fire, never early.
BUCKET = 1.0
#: How many deadlines share one timer and are processed in one reactor turn.
CROWD = 100

log = Logger()


class Slot(dict["Deadline", None]):
    """Deadlines that share a timer, in the order in which they were armed.

    :ivar due: when the timer fires, in the reactor's seconds; its deadlines are at most `BUCKET` earlier.
    :ivar timer: the timer, None once it has fired.
    """

    __slots__ = ("due", "timer")

    def __init__(self, due: float) -> None:
        super().__init__()
        self.due = due
        self.timer: Any = None


class BatchedTimers:
    """The timers of all deadlines of one reactor.

    A deadline that has passed expires only if it still counts after the reactor has polled its sockets once more:
    data that the peer sent in time may be waiting there while we were stopped or busy. Time in which this process was
    stopped counts against nobody: all deadlines move by it.

    :ivar seconds: returns the reactor's time in seconds.
    """

    def __init__(self, reactor: IReactorTime, stalls: StallWatch | None = None) -> None:
        """Create the timers of a reactor.

        :param stalls: reports time in which this process did not run; without it all time counts.
        """
        txaio.use_twisted()
        # These functions exist at run time only, so the type checker does not know them.
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
        """Schedule `Deadline.fired` for a time, or up to `BUCKET` seconds later, never earlier.

        :param at: the reactor's time in seconds.
        :return: the slot to pass to `disarm`.
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
        """Remove a deadline, and cancel the timer if it was its last one."""
        slot.pop(deadline, None)
        if not slot and slot.timer is not None:
            slot.timer.cancel()
            self._release(slot)

    def deadline_passed(self, deadline: "Deadline") -> None:
        """Check a deadline that has passed again, after the reactor has polled its sockets."""
        if not self._passed:
            self._reactor.callLater(0, self._check_passed)
        self._passed.append(deadline)

    def _check_passed(self) -> None:
        passed, self._passed = self._passed, []
        for deadline in passed:
            deadline.check_passed()

    def _move_all(self, seconds: float) -> None:
        """Postpone every deadline by the time in which this process was stopped."""
        for slot in self._armed.values():
            for deadline in slot:
                deadline.postpone(seconds)
        for deadline in self._passed:
            deadline.postpone(seconds)

    def _release(self, slot: Slot) -> None:
        slot.timer = None
        self._armed.pop(id(slot), None)
        if self._open.get(slot.due) is slot:
            del self._open[slot.due]
        if self._stalls is not None and not self._armed:
            self._stalls.stop()

    def _fire(self, slot: Slot) -> None:
        if self._stalls is not None:
            self._stalls.check()
        self._release(slot)
        while slot:
            # One after the other: a deadline may close others of the same slot, which then must not fire.
            deadline = next(iter(slot))
            del slot[deadline]
            deadline.fired()


class Deadline:
    """One deadline that moves often and rarely expires, such as that for the next byte of a connection.

    :param expired: called when the deadline expires, with the value given to `set`.
    """

    __slots__ = ("_argument", "_at", "_expired", "_not_before", "_seconds", "_slot", "_timers")

    def __init__(self, timers: BatchedTimers, expired: Callable[[Any], None]) -> None:
        self._timers = timers
        self._seconds = timers.seconds
        self._expired: Callable[[Any], None] | None = expired
        self._at = 0.0
        self._argument: Any = None
        self._slot: Slot | None = None
        self._not_before = float("inf")

    def set(self, delay: float, argument: Any) -> None:
        """Replace the deadline; 0 disables it.

        :param delay: seconds from now.
        :param argument: what `expired` is called with.
        """
        if not delay:
            self._at = 0.0
            return
        self._argument = argument
        self._at = at = self._seconds() + delay
        if at < self._not_before:
            self._arm(at)

    def clear(self) -> None:
        """Disable the deadline until the next `set`."""
        self._at = 0.0

    def close(self) -> None:
        """Disable the deadline for good and drop all references."""
        self._at = 0.0
        self._not_before = float("-inf")
        self._expired = self._argument = None
        slot, self._slot = self._slot, None
        if slot is not None:
            self._timers.disarm(self, slot)

    def _arm(self, at: float) -> None:
        if self._slot is not None:
            self._timers.disarm(self, self._slot)
        self._slot = slot = self._timers.arm(self, at)
        self._not_before = slot.due - BUCKET

    def fired(self) -> None:
        """Check whether the deadline has passed; it may have moved since it was armed."""
        self._slot = None
        self._not_before = float("inf")
        if not self._at or self._expired is None:
            return
        if self._seconds() < self._at:
            self._arm(self._at)
        else:
            self._timers.deadline_passed(self)

    def postpone(self, seconds: float) -> None:
        """Postpone the deadline, if one is set."""
        if self._at:
            self._at += seconds

    def check_passed(self) -> None:
        """Expire, unless the deadline has moved since it passed."""
        if not self._at or self._expired is None or self._slot is not None:
            return
        if self._seconds() < self._at:
            self._arm(self._at)
            return
        self._at = 0.0
        try:
            self._expired(self._argument)
        except Exception:
            log.failure("the handler of an expired deadline raised")
