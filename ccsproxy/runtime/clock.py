"""The clock of deadlines: it never jumps, and it notices when this process itself did not run.

Twisted's reactors count in `time.time`. When somebody sets the clock back by an hour, no timer fires for an hour;
when it is set forward, every limit has passed at once. `use_monotonic_clock` makes the reactor of a process of ours
count in `time.monotonic`, which nobody can set.

A monotonic clock goes on while the process is stopped (Ctrl-Z, ``docker pause``) or held up by a busy machine. What
an upstream has sent meanwhile waits in its socket: that time is not its silence but ours. `StallWatch` measures it.
"""

import time
from collections.abc import Callable
from typing import Any

from twisted.internet.base import ReactorBase
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

#: Seconds between two beats of a `StallWatch` while somebody has a deadline.
BEAT = 0.5
#: A beat that is so many seconds late was held up by more than a busy turn.
TOLERANCE = 0.5

_log = Logger()


def use_monotonic_clock(reactor: Any, clock: Callable[[], float] = time.monotonic) -> bool:
    """Let a reactor's timers count by a clock that cannot be set; calls that wait already keep their delay.

    To be used by processes of our own: the reactor of a program that embeds us stays as it is.

    :param clock: seconds.
    :return: whether it is a reactor whose clock can be replaced; asyncio's counts monotonically by itself.
    """
    if not isinstance(reactor, ReactorBase) or type(reactor).seconds is not ReactorBase.seconds:
        return False
    shift = clock() - reactor.seconds()
    waiting: Any = reactor.getDelayedCalls()
    reactor.seconds = clock
    for call in waiting:
        # A call tells its time by the clock of its birth; both move, so that their difference stays.
        call.seconds = clock
        call.time += shift
    return True


def suspended_for() -> float:
    """Return for how many seconds the system has been suspended since its start; differences are what counts.

    Two clocks tell it: one counts while the machine sleeps, the other does not. Where the system has no such clock
    (macOS), it is always 0.
    """
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if boot is None else time.clock_gettime(boot) - time.monotonic()


class StallWatch:
    """Measures for how long this process did not run: stopped, suspended with the machine, or held up.

    It beats only while it is `started`, so that an idle process sleeps. Whoever judges a deadline calls `look` first:
    the beat may be due at the same moment as the deadline, and come after it.

    :ivar stalled: the seconds in which we did not run, summed up; what `lost` says of one exchange are differences.
    :ivar on_stall: called with each stall's seconds of the monotonic clock, by which deadlines have to move; a
        suspension does not count in that clock and moves none.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        clock: Callable[[], float] = time.monotonic,
        suspended: Callable[[], float] = suspended_for,
    ) -> None:
        """Make one that does not beat yet.

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
        """Beat from now on."""
        if self._call is None:
            self._slept = self._suspended()
            self._arm()

    def stop(self) -> None:
        """Stop the beat; the clock goes on."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def total(self) -> float:
        """Return the seconds in which we have not run, up to this moment."""
        self.look()
        return self.stalled

    def look(self) -> None:
        """Take note of a stall that has just ended; costs two readings of clocks when there was none."""
        if self._call is None:
            return
        late = self._clock() - self._due
        if late > TOLERANCE:
            # Moved by what was lost, so that the beat that comes late as well does not count the same stall once
            # more.
            self._due += late
            self._stood_still(late)
            for told in self.on_stall:
                told(late)
        slept = self._suspended() - self._slept
        if slept > TOLERANCE:
            self._slept += slept
            self._stood_still(slept)

    def _stood_still(self, seconds: float) -> None:
        self.stalled += seconds
        _log.warn(
            "the proxy did not run for {seconds:.1f} s: it was stopped, suspended, or the machine was too busy",
            seconds=seconds,
        )

    def _beat(self) -> None:
        self.look()
        self._arm()

    def _arm(self) -> None:
        self._due = self._clock() + BEAT
        self._call = self._reactor.callLater(BEAT, self._beat)
