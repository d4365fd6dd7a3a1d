"""The last request of a client's connection: one may be on its way when the proxy begins to drain.

A client that has just connected is about to send. Closed at that moment, its request would meet a reset, although
nothing is wrong; with a successor at the same socket (SIGUSR2) nobody would have noticed the restart otherwise.
"""

from __future__ import annotations

from typing import Any, Protocol

from ccsproxy.proxy.server.seams import ChannelSite

#: Seconds after its acceptance for which the first request of a connection is waited for while the site drains.
GRACE = 1.0


class WaitingChannel(Protocol):
    """A client's connection without a request (`ccsproxy.proxy.server.channel.RelayChannel`)."""

    @property
    def head_begun(self) -> bool:
        """Whether a part of a request's head has arrived, and no more."""

    def close_if_idle(self) -> None:
        """Close unless a request is in progress."""


class LastRequest:
    """Holds a connection without a request open while the site drains.

    Invariant: it counts as one exchange in progress from its making until `over`, so that the drain waits for it.
    """

    def __init__(self, channel: WaitingChannel, site: ChannelSite, seconds: float) -> None:
        """Wait for a request.

        :param seconds: how long; with 0 until the sockets have been polled once more, which is for what the client
            had sent before the drain began.
        """
        self._channel, self._site = channel, site
        self._timer: Any = None
        self._waits = True
        site.exchange_started()
        self._wait(seconds)

    def over(self) -> None:
        """Stop waiting: the connection is gone, or what was waited for has come."""
        if self._waits:
            self._waits = False
            if self._timer.active():
                self._timer.cancel()
            self._site.exchange_ended()

    def _wait(self, seconds: float) -> None:
        self._timer = self._site.later(max(seconds, 0.0), self._passed)

    def _passed(self) -> None:
        # Timers run before sockets are polled, and this process may have been kept from running until now: what has
        # come in time is read first.
        self._timer = self._site.later(0, self._decide)

    def _decide(self) -> None:
        if self._channel.head_begun:
            self._wait(GRACE)  # `Limits.head_time` ends this
            return
        self.over()
        self._channel.close_if_idle()
