"""What the relay reports about one exchange while it happens: the interface between relay and capture.

The relay calls a `Capture` once per exchange, and the `Tap` that it returns for everything that follows. Both are
called in the relay's own reactor turn, so an implementation returns at once, never blocks and never raises.
"""

from typing import Protocol

import msgspec

from ccsproxy.exchange.fieldlines import RawHeaders, pairs


class RequestHead(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The head of a client's request, as received.

    :ivar id: the exchange's id (see `ccsproxy.exchange.ids.new_id`).
    :ivar started_at: when the request's first byte arrived, in seconds since the epoch (UTC).
    :ivar upstream: the name of the upstream it was routed to, empty if it was refused before routing.
    :ivar provider: the upstream's provider (``anthropic``, ``openai``, ...), empty if unknown.
    :ivar method: the method's bytes.
    :ivar target: the request target as the client sent it.
    :ivar forwarded_target: the target sent upstream (routing segment removed, base path added).
    :ivar version: ``1.0`` or ``1.1``.
    :ivar lines: every header line as received, see `ccsproxy.exchange.fieldlines`.
    :ivar peer: the client's address as text, empty if unknown.
    :ivar transport: ``http``; ``websocket`` if it requests one; ``tunnel`` if only its two ends are known to us.
    :ivar upstream_url: scheme, authority and base path of the upstream, empty if it was refused before routing.
    :ivar connection: an id shared by the exchanges of one client connection.
    :ivar owner: user id and inode of the client's socket if it is on this machine (see
    `ccsproxy.runtime.sockets.sock_diag.SocketOwner`); None otherwise, and if it was not looked up.
    :ivar ends: host and port of the client's socket, then of ours, for looking up the program; None if they are not
    TCP sockets.
    :ivar began: the moment of `started_at` on the relay's monotonic clock, for measuring from it in the same process:
    the wall clock may be set meanwhile. 0 if not given.
    :ivar person: the caller's name, if the proxy knows its callers by their credentials; otherwise empty.
    """

    id: str
    started_at: float
    upstream: str
    provider: str
    method: bytes
    target: bytes
    forwarded_target: bytes
    version: str
    lines: bytes
    peer: str = ""
    transport: str = "http"
    upstream_url: str = ""
    connection: str = ""
    owner: tuple[int, int] | None = None
    ends: tuple[str, int, str, int] | None = None
    began: float = 0.0
    person: str = ""

    @property
    def headers(self) -> RawHeaders:
        """The header lines as pairs, parsed on each access."""
        return pairs(self.lines)


class ResponseHead(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The head of the response, as received from the upstream (or as made by us, for a refusal or a 502).

    :ivar lines: every header line as received, see `ccsproxy.exchange.fieldlines`.
    """

    status: int
    reason: bytes
    version: str
    lines: bytes

    @property
    def headers(self) -> RawHeaders:
        """The header lines as pairs, parsed on each access."""
        return pairs(self.lines)


class Timing(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the relay measured, in microseconds since the exchange began; null if it did not happen.

    :ivar connected: an upstream connection was ready (reused ones: when it was taken).
    :ivar reused: whether that connection had carried a request before.
    :ivar request_sent: the last byte of the request was passed to the upstream's transport.
    :ivar headers: the response head was complete.
    :ivar first_byte: the first byte of the response body arrived.
    :ivar last_byte: the last byte of the response body arrived.
    :ivar overhead: the time that the proxy itself spent between reads and writes, summed over the exchange.
    :ivar stalled: how long the proxy did not run meanwhile: stopped, suspended, or held up by a busy machine.
    """

    connected: int | None = None
    reused: bool = False
    request_sent: int | None = None
    headers: int | None = None
    first_byte: int | None = None
    last_byte: int | None = None
    overhead: int | None = None
    stalled: int = 0


class Ending(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How the exchange ended, as far as the relay can tell.

    :ivar outcome: a value of `ccsproxy.exchange.outcome.Outcome`; capture may refine ``complete`` if the dialect's
    terminal event is missing or an error event was seen.
    :ivar kind: the error's kind, empty if there is none.
    :ivar message: one sentence about the error, free of secrets.
    :ivar at: microseconds since the exchange began.
    :ivar timing: see `Timing`.
    :ivar request_bytes: bytes of the request body that reached us.
    :ivar response_bytes: bytes of the response body received from the upstream.
    :ivar delivered_bytes: bytes of the response body passed to the client's socket.
    :ivar request_whole: the complete request body arrived.
    :ivar response_whole: the complete response body arrived, by its own framing.
    :ivar eof_unverified: the response was delimited only by the end of the connection.
    :ivar trailers: the trailer fields of the response, as received.
    :ivar caller: pid, executable, own name, directory, start time and labels of the program at the other end of the
    client's connection, if that was found out while it lasted.
    """

    outcome: str
    kind: str
    message: str
    at: int
    timing: Timing
    request_bytes: int = 0
    response_bytes: int = 0
    delivered_bytes: int = 0
    request_whole: bool = True
    response_whole: bool = True
    eof_unverified: bool = False
    trailers: RawHeaders = []
    caller: tuple[int, str | None, str | None, str | None, str | None, str] | None = None


class Tap(Protocol):
    """Where the relay reports what follows the head of one exchange. The tap adds the times."""

    def request_body(self, data: bytes) -> None:
        """Copy a piece of the request body, as it arrived (transfer coding removed)."""

    def response_head(self, head: ResponseHead) -> None:
        """Copy the head of the final response; called at most once."""

    def response_body(self, data: bytes) -> None:
        """Copy a piece of the response body, as it arrived (transfer coding removed)."""

    def response_whole(self, outcome: str, kind: str, message: str) -> None:
        """Record that the response is complete; the client has not had its last byte yet.

        The ending follows once the client has it, and then has these values, unless the client leaves before.
        """

    def end(self, ending: Ending) -> None:
        """Record the one ending; nothing is reported after it."""


class Capture(Protocol):
    """Where the relay announces an exchange."""

    def begin(self, head: RequestHead) -> Tap:
        """Announce an exchange when its head has arrived; return the tap for the rest of it."""


class NullTap:
    """A tap that keeps nothing (``--capture off``)."""

    __slots__ = ()

    def request_body(self, data: bytes) -> None:
        """Ignore a piece of the request body."""

    def response_head(self, head: ResponseHead) -> None:
        """Ignore the response head."""

    def response_body(self, data: bytes) -> None:
        """Ignore a piece of the response body."""

    def response_whole(self, outcome: str, kind: str, message: str) -> None:
        """Ignore that the response is complete."""

    def end(self, ending: Ending) -> None:
        """Ignore how the exchange ended."""


class NullCapture:
    """A capture that keeps nothing (``--capture off``)."""

    _tap = NullTap()

    def begin(self, head: RequestHead) -> Tap:
        """Return the tap that ignores everything."""
        return self._tap
