"""Orderly close of a client connection: what was written reaches the client first, however slowly it reads."""

from __future__ import annotations

from typing import Any, Protocol

from ccsproxy.proxy.deadlines import Deadline
from ccsproxy.proxy.interfaces import Seconds
from ccsproxy.proxy.server.limits import Limits
from ccsproxy.proxy.transport import innermost

#: Seconds between two checks whether a client has received everything before its connection is reset.
POLL_INTERVAL = 0.02


class LeavingClient(Protocol):
    """A client's connection to which nothing more will be written.

    :ivar blocked: our transport holds data that the client has not read.
    :ivar deadline: available for timing the end of the connection.
    :ivar transport: the connection's transport.
    """

    blocked: bool
    deadline: Deadline
    limits: Limits
    transport: Any

    def acknowledged_bytes(self) -> int | None:
        """Return how many bytes the client's kernel has acknowledged, None if unknown."""

    @property
    def outstanding(self) -> int:
        """How many bytes the client's kernel has yet to acknowledge."""

    def abort_transport(self) -> None:
        """Abort the connection without waiting for unsent data."""


class LingeringClose:
    """Waits until a client has received everything in flight, then closes the connection.

    A client that has everything but keeps the connection open gets `Limits.linger_time`. One that has not may just be
    slow: it is aborted only after acknowledging nothing for `Limits.stall_time`, as in the middle of a response.
    """

    __slots__ = ("_client", "_clock", "_since", "_taken")

    def __init__(self, client: LeavingClient, clock: Seconds) -> None:
        self._client, self._clock = client, clock
        self._taken = client.acknowledged_bytes()
        self._since = clock()

    def begin(self) -> None:
        """Check repeatedly until the connection is gone."""
        self._client.deadline.set(self._client.limits.linger_time, self._poll)

    def _poll(self) -> None:
        client = self._client
        taken = client.acknowledged_bytes()
        # Progress is what the client's kernel acknowledges: a slow reader of a long response is not stalled.
        if taken is not None and taken != self._taken:
            self._taken, self._since = taken, self._clock()
        stalled = self._clock() - self._since >= client.limits.stall_time
        if stalled or not (client.blocked or client.outstanding):
            client.abort_transport()
        else:
            self.begin()


class ResetWhenTaken(LingeringClose):
    """Resets a connection as soon as the client's kernel has everything that was written.

    Used for an incomplete body that is delimited by the end of its connection: the client must not take it for
    complete, and a reset is the only way left to say so. What was received before the reset can still be read by the
    client (Linux, BSD); what had not arrived yet would be lost with it.
    """

    __slots__ = ()

    def begin(self) -> None:
        """Check repeatedly until the client has everything, or has taken nothing for too long."""
        transport = self._client.transport
        later = getattr(innermost(transport), "reactor", None)
        if later is None or getattr(transport, "disconnected", False) or not self._client.outstanding:
            self._client.abort_transport()
        else:
            later.callLater(POLL_INTERVAL, self._poll)
