"""What the relay reports of one exchange while it happens: the seam between relay and capture.

The relay calls a `Capture` once per exchange and the `Tap` it returns for everything that follows. Both are called
in the relay's own turn, so an implementation returns at once, never blocks and never raises.
"""

from typing import Protocol

import msgspec

from ccsproxy.exchange.fieldlines import RawHeaders, pairs


class RequestHead(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The head of a client's request, as it arrived.

    :ivar id: the exchange's id (see `ccsproxy.exchange.ids.new_id`).
    :ivar started_at: when the request's first byte arrived, in seconds since the epoch (UTC).
    :ivar upstream: the NAME of the upstream it was routed to, empty when it was refused before routing.
    :ivar provider: the provider the upstream is known as (``anthropic``, ``openai``, ...), empty when unknown.
    :ivar method: the method's bytes.
    :ivar target: the request target as the client sent it.
    :ivar forwarded_target: the target as it goes upstream (routing segment removed, base path added).
    :ivar version: ``1.0`` or ``1.1``.
    :ivar lines: every header line as received, see `ccsproxy.exchange.fieldlines`.
    :ivar peer: the client's address as text, empty when unknown.
    :ivar transport: ``http``; ``websocket`` when it asks for one; ``tunnel`` when only its two ends are known to us.
    :ivar upstream_url: scheme, authority and base path of what is asked, empty when it was refused before routing.
    :ivar connection: an id that the exchanges of one client connection share.
    :ivar owner: user id and number of the client's socket, where it is one of this machine (see
        `ccsproxy.runtime.sockets.sock_diag.SocketOwner`); None elsewhere, and where nobody has asked yet.
    :ivar ends: host and port of the client's socket, then of ours, for whoever wants to ask; None where they are no
        TCP sockets.
    :ivar began: the moment of `started_at` on the relay's monotonic clock, for whoever measures from it in the same
        process: the other clock may be set meanwhile. 0 when it is not told.
    :ivar person: who calls, where the proxy knows its callers by their credentials; empty elsewhere.
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
        """The header lines as pairs, read anew each time."""
        return pairs(self.lines)


class ResponseHead(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The head of the answer, as it came from the upstream (or as we made it, for a refusal or a 502).

    :ivar lines: every header line as received, see `ccsproxy.exchange.fieldlines`.
    """

    status: int
    reason: bytes
    version: str
    lines: bytes

    @property
    def headers(self) -> RawHeaders:
        """The header lines as pairs, read anew each time."""
        return pairs(self.lines)


class Timing(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the relay measured, in microseconds since the exchange began; null when it did not happen.

    :ivar connected: an upstream connection was there (reused ones: the moment it was taken).
    :ivar reused: whether that connection had carried a request before.
    :ivar request_sent: the last byte of the request was handed to the upstream's transport.
    :ivar headers: the response head was complete.
    :ivar first_byte: the first byte of the response body arrived.
    :ivar last_byte: the last byte of the response body arrived.
    :ivar overhead: the time the proxy itself spent between reading and writing, summed over the exchange.
    :ivar stalled: for how long the proxy did not run meanwhile: stopped, suspended, or held up by a busy machine.
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

    :ivar outcome: a value of `ccsproxy.exchange.outcome.Outcome`; capture may refine ``complete`` when the dialect's
        terminal event is missing or an error event was seen.
    :ivar kind: the error's kind, empty when there is none.
    :ivar message: one sentence about the error, free of secrets.
    :ivar at: microseconds since the exchange began.
    :ivar timing: see `Timing`.
    :ivar request_bytes: bytes of the request body that reached us.
    :ivar response_bytes: bytes of the response body that came from the upstream.
    :ivar delivered_bytes: bytes of the response body that were handed to the client's socket.
    :ivar request_whole: the whole request body arrived.
    :ivar response_whole: the whole response body arrived, by its own framing.
    :ivar eof_unverified: the response was framed by the end of the connection only.
    :ivar trailers: the trailer fields of the response, which are captured and not forwarded.
    :ivar caller: pid, executable, own name, folder, start and labels of the program at the other end of the client's
        connection, where that was found out while it lasted.
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
    """Where the relay reports what follows the head of one exchange. Times are stamped by the tap."""

    def request_body(self, data: bytes) -> None:
        """Take a piece of the request body, as it arrived (transfer coding removed)."""

    def response_head(self, head: ResponseHead) -> None:
        """Take the head of the final response; called at most once."""

    def response_body(self, data: bytes) -> None:
        """Take a piece of the response body, as it arrived (transfer coding removed)."""

    def response_whole(self, outcome: str, kind: str, message: str) -> None:
        """Take note that the whole response is there; the client has not had its last byte yet.

        The ending follows when the client has; these are what it says then, unless the client leaves before.
        """

    def end(self, ending: Ending) -> None:
        """Take the one ending; nothing is reported after it."""


class Capture(Protocol):
    """Where the relay announces an exchange."""

    def begin(self, head: RequestHead) -> Tap:
        """Announce an exchange when its head has arrived, and get the tap for the rest of it."""


class NullTap:
    """A tap that keeps nothing (``--capture off``)."""

    __slots__ = ()

    def request_body(self, data: bytes) -> None:
        """Ignore a piece of the request's body."""

    def response_head(self, head: ResponseHead) -> None:
        """Ignore the head of the answer."""

    def response_body(self, data: bytes) -> None:
        """Ignore a piece of the answer's body."""

    def response_whole(self, outcome: str, kind: str, message: str) -> None:
        """Ignore that the response is whole."""

    def end(self, ending: Ending) -> None:
        """Ignore how the exchange ended."""


class NullCapture:
    """A capture that keeps nothing (``--capture off``)."""

    _tap = NullTap()

    def begin(self, head: RequestHead) -> Tap:
        """Return the tap that ignores everything."""
        return self._tap
