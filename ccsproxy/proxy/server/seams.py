"""Interfaces that the lower modules of the server side use to call the higher ones, so that imports go one way only.

The site makes channels, a channel makes requests, a request is relayed; each calls its maker back only through what
is declared here.
"""

from __future__ import annotations

from typing import Any, Protocol

from ccsproxy.proxy.refusal import Refusal
from ccsproxy.proxy.server.parsing.request_head import ParsedRequestHead


class ChannelSite(Protocol):
    """What a channel calls on its site (`ccsproxy.proxy.server.site.RelaySite`)."""

    timers: Any
    limits: Any
    watch: Any
    write_batch: Any
    clock: Any
    resource: Any

    @property
    def now(self) -> Any:
        """A function for the time: seconds since the epoch, and monotonic seconds."""

    @property
    def draining(self) -> bool:
        """Whether connections are to close after their current exchange."""

    def later(self, seconds: float, call: Any) -> Any:
        """Call something later; return the timer."""

    def guard_for(self, address: Any) -> Any:
        """Return the guard for a local address."""

    def opened(self, channel: Any) -> None:
        """Count a new client connection."""

    def closed(self, channel: Any) -> None:
        """Stop counting a client connection."""

    def admit(self, channel: Any) -> None:
        """Refuse a connection beyond the limit."""

    def admit_to_proxy(self, channel: Any, head: ParsedRequestHead) -> None:
        """Refuse clients that may not use the port as a forward proxy."""

    def authorize(self, head: ParsedRequestHead, target: bytes) -> None:
        """Refuse unknown callers, where callers have to be known."""

    def refuse_loop(self, channel: Any, head: ParsedRequestHead, target: bytes) -> Any:
        """Refuse a request that has come back to us."""

    def forget_loop_signature(self, signature: Any) -> None:
        """Forget the signature of a request that has ended."""

    def exchange_started(self) -> None:
        """Count an exchange that has started."""

    def exchange_ended(self) -> None:
        """Stop counting an exchange."""

    def refused(self, channel: Any, refusal: Any, answer: Any, block: bytes, head: ParsedRequestHead | None) -> None:
        """Record a request that was refused."""


class RequestChannel(Protocol):
    """What a request calls on its channel (`ccsproxy.proxy.server.channel.RelayChannel`)."""

    connection_id: str
    half_closed: bool

    @property
    def draining(self) -> bool:
        """Whether the connection ends with the response in progress."""

    @property
    def peer_text(self) -> str:
        """The client's address as it appears in records."""

    @property
    def ends(self) -> tuple[str, int, str, int] | None:
        """Host and port of both ends of the connection."""

    @property
    def caller(self) -> Any:
        """The program at the other end, None while unknown."""

    @property
    def known_owner(self) -> Any:
        """The owner of the socket at the other end, if it has been looked up."""

    @property
    def unsent_bytes(self) -> int:
        """How many bytes the client's socket has not accepted yet."""

    def write(self, data: bytes) -> None:
        """Send bytes at the end of this reactor turn."""

    def response_finished(self) -> None:
        """Go on to the next request, or close."""

    def switch(self) -> bytes:
        """Switch to raw mode; return the bytes already received."""

    def hand_over(self, protocol: Any) -> Any:
        """Hand the transport to another protocol."""

    def end_writing(self) -> None:
        """Half-close the connection to the client."""

    def break_off(self) -> None:
        """Close after what was written, showing that the response is incomplete."""

    def abort(self) -> None:
        """Abort the connection to the client."""

    def pause_reading(self) -> None:
        """Stop reading the body."""

    def resume_body(self) -> None:
        """Resume reading the body."""

    def permit_body(self) -> None:
        """Tell a client that waits for permission to send its body."""


class TeeOwner(Protocol):
    """What a tee calls on the exchange that it serves (`ccsproxy.proxy.relay.Relay`).

    :ivar spent: seconds of work that the relay has spent on the exchange.
    """

    spent: float

    def switch(self, response: Any) -> None:
        """Continue after a protocol switch."""

    def finish(self) -> None:
        """End the exchange: the whole response has been written."""

    def break_off(self, reason: Any) -> None:
        """End the exchange as incomplete, after what was written."""


class RelayedExchange(Protocol):
    """What a channel calls on the exchange that handles its request."""

    def body_received(self, data: bytes) -> None:
        """A piece of the request's body, transfer coding removed."""

    def body_finished(self) -> None:
        """The request's body is complete."""

    def body_refused(self, refusal: Refusal) -> None:
        """The request's body is malformed, too large or too slow; the rest of it is not read."""

    def pause(self) -> None:
        """The client reads too slowly: stop producing."""

    def resume(self) -> None:
        """The client reads again."""

    def delivered(self) -> None:
        """Everything written before `RelayRequest.finish` has been passed to the client's socket."""

    def client_gone(self, unsent: int) -> None:
        """The client has left; ``unsent`` written bytes have not even reached its socket."""

    def drain(self) -> None:
        """The proxy is about to stop: end the exchange if that harms nobody."""

    def cut(self) -> None:
        """The proxy is stopping: end the exchange now."""


class Renderer(Protocol):
    """What handles parsed requests: a resource."""

    def render(self, request: Any) -> int:
        """Handle a request; sets `RelayRequest.exchange`."""

    def is_own(self, peer: Any, host: Any) -> bool:
        """Tell whether an accepted connection is one of our own upstream connections: its requests are a loop."""
