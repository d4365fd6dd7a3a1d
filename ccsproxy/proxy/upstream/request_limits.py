"""Time limits of a request in transit to an upstream, before there is a response."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ccsproxy.proxy import errors
from ccsproxy.proxy.deadlines import BatchedTimers, Deadline
from ccsproxy.proxy.transport import is_dead

#: An upstream whose kernel acknowledges nothing of a request for this many seconds counts as unreachable.
UNSENT_TIME = 30.0


def _nothing(*_: object) -> None:
    """Stands for the callbacks of a connection that is gone."""


class RequestLimits:
    """How long an upstream may accept nothing of a request body, and acknowledge nothing at all.

    The first limit applies only while the body is sent. The second is checked repeatedly until there is a response,
    and tells a dead connection from a slow upstream. Neither ever limits the response.

    :param transport: returns the connection's transport.
    :param stalled: called with the limit's error if the upstream has accepted nothing of the body for too long.
    :param dead: called with the error if the connection is dead.
    """

    __slots__ = ("_dead", "_liveness", "_stall", "_stalled", "_timers", "_transport")

    def __init__(
        self,
        timers: BatchedTimers,
        transport: Callable[[], Any],
        stalled: Callable[[Any], None],
        dead: Callable[[errors.RelayError], object],
    ) -> None:
        self._timers, self._transport, self._stalled, self._dead = timers, transport, stalled, dead
        self._liveness = Deadline(timers, self._check_liveness)
        self._stall: Deadline | None = None

    def begin(self) -> None:
        """Start the checks for a request."""
        self._liveness.set(UNSENT_TIME, None)

    def end(self) -> None:
        """Stop the checks: there is a response."""
        self._liveness.clear()

    def stall(self, seconds: float) -> None:
        """Start to limit how long the upstream accepts nothing of the body.

        :param seconds: the limit; 0 disables it.
        """
        if self._stall is None:
            self._stall = Deadline(self._timers, self._stalled)
        self._stall.set(seconds, errors.IdleTimeout)

    def end_stall(self) -> None:
        """Clear the stall limit: the upstream accepts the body again, or nothing waits for that any more."""
        if self._stall is not None:
            self._stall.clear()

    def close(self) -> None:
        """Stop for good, and drop the references to the connection, which refers to us: a cycle would wait for the
        collector.
        """
        self._liveness.close()
        if self._stall is not None:
            self._stall.close()
        self._transport = self._stalled = self._dead = _nothing

    def _check_liveness(self, _: object) -> None:
        if is_dead(self._transport(), UNSENT_TIME):
            sentence = f"The connection to the upstream is dead: nothing was acknowledged for {UNSENT_TIME:g} s."
            self._dead(errors.ConnectionDead(sentence))
        else:
            self._liveness.set(UNSENT_TIME, None)
