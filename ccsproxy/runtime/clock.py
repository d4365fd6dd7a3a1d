"""The clock of deadlines: it never jumps, and it notices when this process itself did not run.

Twisted's reactors use `time.time`. If the clock is set back by an hour, no timer fires for an hour; if it is set
forward, every deadline has passed at once. `use_monotonic_clock` makes the reactor of one of our processes use
`time.monotonic`, which cannot be set.

A monotonic clock keeps running while the process is stopped (Ctrl-Z, ``docker pause``) or held up by a busy machine.
What an upstream has sent meanwhile waits in its socket: that time counts as ours, not as its silence. `StallWatch`
measures it.
"""

import time
from collections.abc import Callable
from typing import Any

from twisted.internet.base import ReactorBase
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

#: Seconds between two beats of a `StallWatch` while there are deadlines.
BEAT = 0.5
#: A beat that is late by this many seconds was held up by more than a busy reactor turn.
TOLERANCE = 0.5

_log = Logger()


def use_monotonic_clock(reactor: Any, clock: Callable[[], float] = time.monotonic) -> bool:
    """Make a reactor's timers use a clock that cannot be set; scheduled calls keep their delay.

    For our own processes only: the reactor of a program that embeds us is left alone.

    :param clock: seconds.
    :return: whether the reactor's clock can be replaced; asyncio's is monotonic anyway.
    """
    if not isinstance(reactor, ReactorBase) or type(reactor).seconds is not ReactorBase.seconds:
        return False
    shift = clock() - reactor.seconds()
    waiting: Any = reactor.getDelayedCalls()
    reactor.seconds = clock
    for call in waiting:
        # A call measures time by the clock it was created with; both are shifted, so that their difference stays.
        call.seconds = clock
        call.time += shift
    return True


def suspended_for() -> float:
    """Return how many seconds the system has been suspended since its start; only differences are meaningful.

    Computed from two clocks, of which one runs while the machine sleeps. On systems without such a clock (macOS) it
    is always 0.
    """
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if boot is None else time.clock_gettime(boot) - time.monotonic()


class StallWatch:
    """Measures how long this process did not run: stopped, suspended with the machine, or held up.

    It beats only while it is `started`, so that an idle process sleeps. Call `check` before checking a deadline: the
    beat may be due at the same moment as the deadline, and run after it.

    :ivar stalled: total seconds in which we did not run.
    :ivar on_stall: called with the duration of each stall on the monotonic clock, by which deadlines must be moved; a
    suspension does not count on that clock and moves none.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        clock: Callable[[], float] = time.monotonic,
        suspended: Callable[[], float] = suspended_for,
    ) -> None:
        """Create a watch that does not beat yet.

        :param clock: monotonic seconds.
        :param suspended: see `suspended_for`.
        """
        self.stalled = 0.0
        self.on_stall: list[Callable[[float], None]] = []
        self._reactor, self._clock, self._suspended = reactor, clock, suspended
        self._call: IDelayedCall | None = None
        self._due = 0.0
        self._slept = suspended()

    def start(self) -> None:
        """Start beating, so that stalls are noticed."""
        if self._call is None:
            self._slept = self._suspended()
            self._arm()

    def stop(self) -> None:
        """Stop the beat; the clock goes on."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def total(self) -> float:
        """Return the total seconds in which we did not run, up to now."""
        self.check()
        return self.stalled

    def check(self) -> None:
        """Note a stall that has just ended; without one, this costs two clock readings."""
        if self._call is None:
            return
        late = self._clock() - self._due
        if late > TOLERANCE:
            # Moved by the lost time, so that the late beat does not count the same stall again.
            self._due += late
            self._record_stall(late)
            for callback in self.on_stall:
                callback(late)
        slept = self._suspended() - self._slept
        if slept > TOLERANCE:
            self._slept += slept
            self._record_stall(slept)

    def _record_stall(self, seconds: float) -> None:
        self.stalled += seconds
        _log.warn(
            "the proxy did not run for {seconds:.1f} s: it was stopped, suspended, or the machine was too busy",
            seconds=seconds,
        )

    def _beat(self) -> None:
        self.check()
        self._arm()

    def _arm(self) -> None:
        self._due = self._clock() + BEAT
        self._call = self._reactor.callLater(BEAT, self._beat)
