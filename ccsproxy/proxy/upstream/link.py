"""The part of an upstream connection below HTTP: opening, reading, pausing and closing."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any, Protocol

import attr
from twisted.internet import protocol

from ccsproxy.config.model import default_of
from ccsproxy.proxy import errors
from ccsproxy.proxy.deadlines import BatchedTimers, Deadline
from ccsproxy.proxy.transport import innermost, receive_directly, replace_protocol, send_now, tune, unsent
from ccsproxy.runtime.write_batch import WriteBatch


@attr.frozen
class Timeouts:
    """The time limits of the upstream side in seconds; 0 disables one.

    :ivar connect: until there is a connection, tunnel and TLS handshake included.
    :ivar first_byte: from the end of the request to the response head.
    :ivar idle: between two pieces of a body whose receiver is ready for more.
    """

    connect: float = default_of("connect_timeout")
    first_byte: float = default_of("first_byte_timeout")
    idle: float = default_of("idle_timeout")

    def passed(self, limit: type[errors.UpstreamTimeout]) -> errors.UpstreamTimeout:
        """Make the error for a limit that was exceeded, with a message that names it."""
        if limit is errors.ConnectTimeout:
            return limit(f"No connection to the upstream could be made within {self.connect:g} s.")
        if limit is errors.FirstByteTimeout:
            return limit(f"The upstream sent no response within {self.first_byte:g} s of the request.")
        return limit(f"The upstream made no progress for {self.idle:g} s in the middle of a body.")


class SocketProbe:
    """Checks one connection's socket for unread data.

    :param transport: a TCP transport, or TLS over one; one without a socket (in memory) counts as quiet.
    """

    __slots__ = ("_poll", "_tcp", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._tcp = innermost(transport)
        self._poll = None
        peer = getattr(self._tcp, "socket", None)
        if peer is not None:
            self._poll = select.poll()
            self._poll.register(peer, select.POLLIN)

    def is_quiet(self) -> bool:
        """Tell whether the connection is open and has no unread data.

        The peer's FIN, or an unsolicited byte, may wait in the kernel before the reactor has polled it. A request
        written then would be lost, and it would be unknown whether the upstream had acted on it.
        """
        if getattr(self._transport, "disconnecting", False) or unsent(self._tcp):
            return False
        try:
            return self._poll is None or not self._poll.poll(0)
        except (OSError, ValueError):
            return False


#: Seconds that a peer gets to answer the closing of an idle connection.
CLOSING_TIME = 5.0

#: Host and port of the end that connected, and of the end that accepted.
Ends = tuple[str, int, str, int]


def ends_of(local: Any, remote: Any) -> Ends:
    """Return what identifies a TCP connection, the same for both of its ends.

    :param local: the address of the end that connected.
    :param remote: the address of the end that accepted; an IPv4-mapped IPv6 address is written as IPv4.
    """
    hosts = [getattr(end, "host", "").removeprefix("::ffff:") for end in (local, remote)]
    return hosts[0], getattr(local, "port", 0), hosts[1], getattr(remote, "port", 0)


class ConnectionOwner(Protocol):
    """The owner of connections: a pool.

    :ivar timers: the timers for deadlines.
    :ivar timeouts: the limits of an exchange.
    :ivar clock: monotonic seconds, for `ccsproxy.proxy.interfaces.UpstreamTimings`.
    :ivar write_batch: flushes requests at the end of the reactor turn.
    """

    timers: BatchedTimers
    timeouts: Timeouts
    clock: Callable[[], float]
    write_batch: WriteBatch

    def connected(self, connection: Any) -> None:
        """Called when a connection has been made."""

    def free(self, connection: Any) -> None:
        """Called when a connection can carry another request."""

    def gone(self, connection: Any) -> None:
        """Called once when a connection is closed or closing."""


class UpstreamLink(protocol.Protocol):
    """The part of an upstream connection that knows nothing about HTTP.

    :ivar ends: see `ends_of`, for loop detection.
    """

    ends: Ends = ("", 0, "", 0)

    def __init__(self, owner: ConnectionOwner) -> None:
        self._owner = owner
        self._deadline = Deadline(owner.timers, self._expired)
        self._gone = False
        self._corked: list[bytes] | None = None
        self._probe: SocketProbe | None = None
        self._transport_paused = False

    def connectionMade(self) -> None:
        """Configure the socket for small writes and dead peers, and store the addresses."""
        transport: Any = self.transport
        # First of all: from here on each read is one call instead of three.
        receive_directly(transport, self)
        tune(transport)
        self.ends = ends_of(transport.getHost(), transport.getPeer())
        self._owner.connected(self)

    def send(self, data: bytes) -> bool:
        """Write in this very turn; tell whether nothing is left in the transport's buffer."""
        return send_now(self.transport, data)

    def quiet(self) -> bool:
        """Tell whether the connection is open and has no unread data."""
        if self._gone or self.transport is None:
            return False
        # Created at the first reuse: most connections of an agent carry one stream, and would never need a poll
        # object.
        if self._probe is None:
            self._probe = SocketProbe(self.transport)
        return self._probe.is_quiet()

    def _expired(self, limit: Any) -> None:
        """Handle an expired deadline; without a limit it is that of closing."""
        self.abort()

    def hold_reads(self) -> None:
        """Collect incoming data until `flush_reads`, so that several TLS records become one piece."""
        self._corked = []

    def flush_reads(self) -> None:
        """Process the collected data as one read."""
        collected, self._corked = self._corked, None
        if collected:
            self.dataReceived(collected[0] if len(collected) == 1 else b"".join(collected))

    def _pause_transport(self) -> None:
        transport: Any = self.transport
        if transport is not None and not self._gone and not self._transport_paused:
            self._transport_paused = True
            transport.pauseProducing()

    def _resume_transport(self) -> None:
        transport: Any = self.transport
        if transport is not None and not self._gone and self._transport_paused:
            self._transport_paused = False
            transport.resumeProducing()

    def close(self) -> None:
        """Close in good order; a peer that does not answer the close is aborted."""
        if not self._gone and self.transport is not None:
            self._forget()
            self._deadline.set(CLOSING_TIME, None)
            self.transport.loseConnection()

    def abort(self) -> None:
        """Abort the connection at once, discarding unsent data."""
        self._deadline.close()
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()
        self._forget()

    def detach(self, protocol: Any) -> None:
        """Hand the transport to another protocol and release everything here; there must be no unread data."""
        transport, self.transport = self.transport, None
        self._deadline.close()
        self._forget()
        replace_protocol(transport, protocol)

    def _forget(self) -> None:
        if not self._gone:
            self._gone = True
            self._owner.gone(self)
