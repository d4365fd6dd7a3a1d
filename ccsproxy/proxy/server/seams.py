"""What the lower parts of the server's side ask of those above them, so that imports go one way only.

The site makes channels, a channel makes requests, a request is relayed; each of them calls back the one that made
it, by what is named here and nothing else.
"""

from __future__ import annotations

from typing import Any, Protocol

from ccsproxy.proxy.server.parsing.request_head import ParsedRequestHead


class ChannelSite(Protocol):
    """What a channel asks of its site (`ccsproxy.proxy.server.site.RelaySite`)."""

    timers: Any
    limits: Any
    watch: Any
    write_batch: Any
    clock: Any
    resource: Any

    @property
    def now(self) -> Any:
        """What tells the time: seconds since the epoch, and monotonic ones."""

    @property
    def draining(self) -> bool:
        """Whether connections are to end with the exchange that they are at."""

    def guard_for(self, address: Any) -> Any:
        """Return the guard of the address that was connected to."""

    def opened(self, channel: Any) -> None:
        """Count a client's connection."""

    def closed(self, channel: Any) -> None:
        """Count a client's connection no more."""

    def admit(self, channel: Any) -> None:
        """Refuse a connection that is one too many."""

    def admit_to_proxy(self, channel: Any, head: ParsedRequestHead) -> None:
        """Refuse who may not use the port for other hosts."""

    def authorize(self, head: ParsedRequestHead, target: bytes) -> None:
        """Refuse who is not known, where callers have to be."""

    def refuse_loop(self, channel: Any, head: ParsedRequestHead, target: bytes) -> Any:
        """Refuse a request that has come round."""

    def no_loop(self, signature: Any) -> None:
        """Forget a request that has come to its end."""

    def under_way(self) -> None:
        """Count an exchange that has begun."""

    def over(self) -> None:
        """Count an exchange no more."""

    def refused(self, channel: Any, refusal: Any, answer: Any, block: bytes, head: ParsedRequestHead | None) -> None:
        """Record a request that was refused."""


class RequestChannel(Protocol):
    """What a request asks of its channel (`ccsproxy.proxy.server.channel.RelayChannel`)."""

    connection_id: str
    half_closed: bool

    @property
    def peer_text(self) -> str:
        """The client's address, as records have it."""

    @property
    def ends(self) -> tuple[str, int, str, int] | None:
        """The two ends of the connection."""

    @property
    def caller(self) -> Any:
        """The program at the other end, None while it is not known."""

    @property
    def known_owner(self) -> Any:
        """Who owns the socket at the other end, where that has been asked."""

    @property
    def waiting(self) -> int:
        """How many bytes the client's socket has not taken yet."""

    def write(self, data: bytes) -> None:
        """Send bytes at the end of this turn of the reactor."""

    def response_finished(self) -> None:
        """Go on to the next request, or end."""

    def switch(self) -> bytes:
        """Change the protocol; return what has come of the next one."""

    def surrender(self, protocol: Any) -> Any:
        """Give the transport away."""

    def end_writing(self) -> None:
        """Close the sending half."""

    def break_off(self) -> None:
        """End unclean, behind what was written."""

    def abort(self) -> None:
        """End the connection at once."""

    def pause_reading(self) -> None:
        """Read no more of the body."""

    def resume_body(self) -> None:
        """Read the body again."""


class TeeOwner(Protocol):
    """What a tee asks of the exchange that it serves (`ccsproxy.proxy.relay.Relay`).

    :ivar spent: seconds that the relay has worked on the exchange.
    """

    spent: float

    def switch(self, response: Any) -> None:
        """Go on with what follows a change of protocol."""

    def finish(self) -> None:
        """End the exchange: all of it has been written."""

    def break_off(self, reason: Any) -> None:
        """End the exchange unclean, behind what was written."""
