"""The limits of a request on its way to an upstream, before there is a response."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ccsproxy.proxy import errors
from ccsproxy.proxy.deadlines import BatchedTimers, Deadline
from ccsproxy.proxy.transport import is_dead

#: An upstream whose system acknowledges nothing of a request for so many seconds cannot be reached any more.
UNSENT_TIME = 30.0


def _nothing(*_: object) -> None:
    """Stand for a connection that is gone."""


class RequestLimits:
    """How long an upstream may take nothing of a request: nothing of its body, and nothing at all.

    The first is a limit of one phase, and ends with it. The second is asked of the system again and again until there
    is a response: a dead connection is no slow upstream. Neither is ever a limit of the response.

    :param transport: returns the connection's transport.
    :param stalled: called with the limit's error when the upstream has taken nothing of the body for too long.
    :param dead: called with the error when the connection is dead.
    """

    __slots__ = ("_dead", "_look", "_stall", "_stalled", "_timers", "_transport")

    def __init__(
        self,
        timers: BatchedTimers,
        transport: Callable[[], Any],
        stalled: Callable[[Any], None],
        dead: Callable[[errors.RelayError], object],
    ) -> None:
        self._timers, self._transport, self._stalled, self._dead = timers, transport, stalled, dead
        self._look = Deadline(timers, self._look_for_life)
        self._stall: Deadline | None = None

    def begin(self) -> None:
        """Begin with a request."""
        self._look.set(UNSENT_TIME, None)

    def end(self) -> None:
        """Be done with a request: there is a response."""
        self._look.clear()

    def stall(self, seconds: float) -> None:
        """Begin to wait for the upstream to take more of the body.

        :param seconds: for so long at most; 0 is for ever.
        """
        if self._stall is None:
            self._stall = Deadline(self._timers, self._stalled)
        self._stall.set(seconds, errors.IdleTimeout)

    def go_on(self) -> None:
        """Take note that the upstream takes the body again, or that nobody waits for that any more."""
        if self._stall is not None:
            self._stall.clear()

    def close(self) -> None:
        """Limit nothing ever again, and forget the connection, which holds us: a cycle waits for the collector."""
        self._look.close()
        if self._stall is not None:
            self._stall.close()
        self._transport = self._stalled = self._dead = _nothing

    def _look_for_life(self, _: object) -> None:
        if is_dead(self._transport(), UNSENT_TIME):
            sentence = f"The connection to the upstream is dead: nothing was acknowledged for {UNSENT_TIME:g} s."
            self._dead(errors.ConnectionDead(sentence))
        else:
            self._look.set(UNSENT_TIME, None)
