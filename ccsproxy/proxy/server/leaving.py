"""How a connection to a client ends: what was written for it reaches it first, however late it reads."""

from __future__ import annotations

from typing import Any, Protocol

from ccsproxy.proxy.deadlines import Deadline
from ccsproxy.proxy.interfaces import Seconds
from ccsproxy.proxy.server.limits import Limits

#: Seconds between two looks whether a client has all, before its connection is reset.
LOOK_EVERY = 0.02


class LeavingClient(Protocol):
    """A client's connection on which nothing more is going to be written.

    :ivar blocked: something waits in our transport for the client to read.
    :ivar deadline: free for the end of the connection.
    :ivar transport: the connection's transport.
    """

    blocked: bool
    deadline: Deadline
    limits: Limits
    transport: Any

    def taken(self) -> int | None:
        """Return how many bytes the client's system has acknowledged, None when nobody tells."""

    @property
    def owed(self) -> int:
        """How many bytes the client's system has yet to acknowledge."""

    def vanished(self) -> None:
        """Break the connection off."""


class Leaving:
    """Waits for a client to take what is still on its way to it, then lets the connection go.

    A client that has everything and stays gets `Limits.linger_time`. One that has not may be slow: it is given up
    only when it has taken nothing for `Limits.stall_time`, as in the middle of a response.
    """

    __slots__ = ("_client", "_clock", "_since", "_taken")

    def __init__(self, client: LeavingClient, clock: Seconds) -> None:
        self._client, self._clock = client, clock
        self._taken = client.taken()
        self._since = clock()

    def begin(self) -> None:
        """Look again and again until the connection is gone."""
        self._client.deadline.set(self._client.limits.linger_time, self._look)

    def _look(self) -> None:
        client = self._client
        taken = client.taken()
        # Progress is what the client's system acknowledged: a slow reader of a long answer is no stalled one.
        if taken is not None and taken != self._taken:
            self._taken, self._since = taken, self._clock()
        stalled = self._clock() - self._since >= client.limits.stall_time
        if stalled or not (client.blocked or client.owed):
            client.vanished()
        else:
            self.begin()


def reset_when_taken(client: LeavingClient) -> None:
    """Reset a connection as soon as the client's system has everything that was written.

    For a body that ends with its connection: its client must not take a part for the whole, and a reset is all that
    is left to say so. What has been received before a reset can still be read by the client (Linux, BSD); what has
    not even arrived would be lost with it.
    """
    later = getattr(getattr(client.transport, "reactor", None), "callLater", None)
    if client.owed and later is not None and not client.transport.disconnected:
        later(LOOK_EVERY, reset_when_taken, client)
    else:
        client.vanished()
