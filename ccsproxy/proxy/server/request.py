"""One request as a resource sees it: its head, its body to come, and the client to answer to."""

from __future__ import annotations

from typing import Any, Protocol

from twisted.web.http_headers import Headers

from ccsproxy.proxy.refusal import LocalResponse, Refusal
from ccsproxy.proxy.server.access.cross_origin import readable
from ccsproxy.proxy.server.parsing.request_head import ParsedRequestHead
from ccsproxy.proxy.server.request_body import RequestBody
from ccsproxy.proxy.server.seams import RequestChannel


class RelayedExchange(Protocol):
    """What a channel tells whoever deals with a request of its."""

    def body_received(self, data: bytes) -> None:
        """A piece of the request's body, transfer coding removed."""

    def body_finished(self) -> None:
        """The request's body is whole."""

    def body_refused(self, refusal: Refusal) -> None:
        """The request's body is malformed, too large or too slow; nothing more of it is read."""

    def pause(self) -> None:
        """The client does not read fast enough."""

    def resume(self) -> None:
        """The client reads again."""

    def delivered(self) -> None:
        """Everything that was written before `RelayRequest.finish` has been handed to the client's socket."""

    def client_gone(self, unsent: int) -> None:
        """The client has left; so many bytes that were written have not even reached its socket."""

    def drain(self) -> None:
        """The proxy is going to stop: end, if that costs nobody anything."""

    def cut(self) -> None:
        """The proxy stops: end at once."""


class Renderer(Protocol):
    """What sends requests on their way: a resource."""

    def render(self, request: RelayRequest) -> int:
        """Deal with a request; sets `RelayRequest.exchange`."""

    def is_own(self, peer: Any, host: Any) -> bool:
        """Tell whether an accepted connection is one of our own to an upstream: its requests are a loop."""


class RelayRequest:
    """A request, and the way back to its client.

    It offers the part of `twisted.web.iweb.IRequest` that a relay needs. Writes between `write_head` and `flush` are
    joined to one; later ones go out at once.

    :ivar target: the target in origin-form.
    :ivar body: the body to come; None when there is none.
    :ivar first: what of the body came with the head.
    :ivar started_at: when the first byte arrived, in seconds since the epoch.
    :ivar began: the same on the monotonic clock, in seconds.
    :ivar entered: when the read that completed the head began to be worked on, monotonic seconds.
    :ivar exchange: whoever deals with the request; set by the resource.
    :ivar answered: a response head has been written.
    :ivar broken: the response ends without being whole.
    :ivar ends_with_connection: nothing but the end of the connection tells the client that the body is over.
    :ivar waited: for how many seconds what was written waited for the end of a turn of the reactor.
    """

    __slots__ = (
        "_channel",
        "_chunked",
        "_corked",
        "_headers",
        "answered",
        "began",
        "bodiless",
        "body",
        "broken",
        "ends_with_connection",
        "entered",
        "exchange",
        "finished",
        "first",
        "head",
        "keep_alive",
        "started_at",
        "target",
        "waited",
    )

    def __init__(
        self,
        channel: RequestChannel,
        head: ParsedRequestHead,
        target: bytes,
        arrived: tuple[float, float],
        entered: float,
    ) -> None:
        self._channel = channel
        self._chunked = False
        self._corked: list[bytes] | None = None
        self._headers: Headers | None = None
        self.head = head
        self.target = target
        self.body: RequestBody | None = None
        self.first = b""
        self.started_at, self.began = arrived
        self.entered = entered
        self.exchange: RelayedExchange | None = None
        self.keep_alive = head.keep_alive
        self.bodiless = head.method == b"HEAD"
        self.answered = False
        self.waited = 0.0
        self.finished = False
        self.broken = self.ends_with_connection = False

    @property
    def peer(self) -> str:
        """The client's address as text."""
        return self._channel.peer_text

    @property
    def ends(self) -> tuple[str, int, str, int] | None:
        """Host and port of the client's socket, then of ours; None where they are no TCP sockets."""
        return self._channel.ends

    @property
    def caller(self) -> tuple[int, str | None, str | None, str | None, str | None, str] | None:
        """The program at the other end, as `ccsproxy.exchange.relayed.Ending` has it; None while it is not known."""
        found = self._channel.caller
        return (
            None if found is None else (found.pid, found.exe, found.argv0, found.cwd, found.started_at, found.labels)
        )

    def connection_id(self, exchange_id: str) -> str:
        """Return the name of the client's connection: the id of the first exchange on it."""
        self._channel.connection_id = self._channel.connection_id or exchange_id
        return self._channel.connection_id

    @property
    def method(self) -> bytes:
        """The method as sent."""
        return self.head.method

    @property
    def uri(self) -> bytes:
        """The target as sent."""
        return self.head.target

    @property
    def requestHeaders(self) -> Headers:
        """The header lines for Twisted's readers; made when asked for."""
        if self._headers is None:
            self._headers = Headers()
            for name, value in self.head.headers:
                self._headers.addRawHeader(name, value)
        return self._headers

    def write_head(self, status: int, reason: bytes, lines: bytes, length: int | None) -> None:
        """Begin the response; nothing is sent before `flush`.

        :param lines: the header lines to write, without those that only concern the upstream's connection.
        :param length: of the body in bytes, None when it is not known before its end.
        """
        framing = b"\r\n"
        # These have no body by definition (RFC 9110, 15.3.5 and 15.4.5), whatever length their fields name.
        if status == 204 or status == 304:
            self.bodiless = True
        if length is None and not self.bodiless:
            if self.head.minor:
                # Framing is ours on each hop: the upstream's chunks were taken apart, and its length, if it had one,
                # was known.
                self._chunked = True
                framing = b"Transfer-Encoding: chunked\r\n\r\n"
            else:
                self.keep_alive = False
                self.ends_with_connection = True
        self.answered = True
        if self.head.allowed_origin is not None:
            lines = readable(lines, self.head.allowed_origin)
        self._corked = [b"HTTP/1.1 %d %b\r\n%b%b" % (status, reason, lines, framing)]

    def write(self, data: bytes) -> None:
        """Write a piece of the response's body; an empty one is nothing."""
        if self.bodiless or not data:
            return
        if self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if self._corked is None:
            self._channel.write(data)
        else:
            self._corked.append(data)

    def flush(self) -> None:
        """Send what has been written since `write_head` in one piece, and from now on at once."""
        corked, self._corked = self._corked, None
        if corked:
            self._channel.write(corked[0] if len(corked) == 1 else b"".join(corked))

    def end_body(self) -> None:
        """Write what ends the body, where its framing needs that."""
        if self._chunked:
            self._chunked = False
            if self._corked is None:
                self._channel.write(b"0\r\n\r\n")
            else:
                self._corked.append(b"0\r\n\r\n")

    def finish(self) -> None:
        """End the response; the exchange hears `RelayedExchange.delivered` when the client's socket has taken all of
        it."""
        self.end_body()
        self.flush()
        self.finished = True
        self._channel.response_finished()

    def write_switch(self, head: bytes) -> None:
        """Begin an answer that another protocol follows; nothing is sent before `flush`.

        :param head: the whole answer, its empty line included.
        """
        self.answered = self.ends_with_connection = True
        self.keep_alive = False
        self._corked = [head]

    def switch(self) -> tuple[RequestBody, bytes]:
        """Read what comes from the client as it is from now on.

        :return: what it comes as, until the client's end of it, and what is in there already.
        """
        ahead = self._channel.switch()
        body = self.body = RequestBody(self._channel, None)
        # A client may have ended its half before there was anybody to tell: then what is here is all of it.
        body.begin_with(ahead, whole=self._channel.half_closed)
        return body, ahead

    def end_writing(self) -> None:
        """Send our end of the stream, the client's staying open, where that can be; else close."""
        self._channel.end_writing()

    def surrender(self, head: bytes, protocol: Any) -> bytes:
        """Answer, and leave the client's connection to another protocol; return what has come for it already."""
        self._channel.write(head)
        return self._channel.surrender(protocol)

    @property
    def owner(self) -> tuple[int, int] | None:
        """User id and number of the client's socket, None where the system does not tell or was not asked."""
        owner = self._channel.known_owner
        return (owner.uid, owner.inode) if owner is not None else None

    @property
    def unsent(self) -> int:
        """How many bytes that were written wait for the client's socket."""
        return self._channel.waiting

    def answer(self, answer: LocalResponse) -> None:
        """Send a whole response of our own."""
        self.answered = True
        self._corked = None
        self._channel.write(answer.head() if self.bodiless else answer.head() + answer.body)
        self.finished = True
        self._channel.response_finished()

    def break_off(self) -> None:
        """End a response that is not whole, and the connection with it, when the client has what there is.

        The exchange hears `RelayedExchange.delivered` then, or `RelayedExchange.client_gone`.
        """
        self.flush()
        self.broken = True
        self._channel.break_off()

    def abort(self) -> None:
        """Break the client's connection off at once."""
        self.flush()
        self._channel.abort()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Accept that a producer announces itself; pauses reach it through `exchange`."""

    def unregisterProducer(self) -> None:
        """Accept that a producer takes its leave."""
