"""One request as a resource sees it: its head, its incoming body, and the response to its client."""

from __future__ import annotations

from typing import Any

from twisted.web.http_headers import Headers

from ccsproxy.proxy.refusal import LocalResponse
from ccsproxy.proxy.server.access.cross_origin import readable
from ccsproxy.proxy.server.parsing.request_head import ParsedRequestHead
from ccsproxy.proxy.server.request_body import RequestBody
from ccsproxy.proxy.server.seams import RelayedExchange, RequestChannel


class RelayRequest:
    """A request together with the response to it.

    It implements the part of `twisted.web.iweb.IRequest` that a relay needs. Writes between `write_head` and `flush`
    are joined into one; later ones are sent at once.

    :ivar target: the target in origin-form.
    :ivar body: the incoming body; None if there is none.
    :ivar first_body: the part of the body that arrived with the head.
    :ivar started_at: when the first byte arrived, in seconds since the epoch.
    :ivar began: the same on the monotonic clock, in seconds.
    :ivar entered: when processing of the read that completed the head started, monotonic seconds.
    :ivar exchange: what handles the request; set by the resource.
    :ivar answered: a response head has been written.
    :ivar broken: the response ends incomplete.
    :ivar ends_with_connection: the body is delimited only by the end of the connection.
    :ivar waited: seconds that written data has waited for the end of a reactor turn.
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
        "first_body",
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
        self.first_body = b""
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
        """Host and port of the client's socket, then of ours; None if they are not TCP sockets."""
        return self._channel.ends

    @property
    def caller(self) -> tuple[int, str | None, str | None, str | None, str | None, str] | None:
        """The program at the other end, as in `ccsproxy.exchange.relayed.Ending`; None while unknown."""
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
        """The method as received."""
        return self.head.method

    @property
    def uri(self) -> bytes:
        """The target as received."""
        return self.head.target

    @property
    def requestHeaders(self) -> Headers:
        """The header lines as Twisted's `Headers`; built on first use."""
        if self._headers is None:
            self._headers = Headers()
            for name, value in self.head.headers:
                self._headers.addRawHeader(name, value)
        return self._headers

    def write_head(self, status: int, reason: bytes, lines: bytes, length: int | None) -> None:
        """Start the response; nothing is sent before `flush`.

        :param lines: the header lines to write, without those that only concern the upstream's connection.
        :param length: of the body in bytes, None if unknown.
        """
        framing = b"\r\n"
        # These never have a body (RFC 9110, 15.3.5 and 15.4.5), whatever length their fields state.
        if status == 204 or status == 304:
            self.bodiless = True
        if length is None and not self.bodiless:
            if self.head.minor:
                # Framing is per hop: the upstream's chunks have been decoded, and if it had a Content-Length, that is
                # known here.
                self._chunked = True
                framing = b"Transfer-Encoding: chunked\r\n\r\n"
            else:
                self.keep_alive = False
                self.ends_with_connection = True
        if self._channel.draining:
            # Said, or a client would send its next request on a connection that ends.
            self.keep_alive = False
            framing = b"Connection: close\r\n" + framing
        self.answered = True
        if self.head.allowed_origin is not None:
            lines = readable(lines, self.head.allowed_origin)
        self._corked = [b"HTTP/1.1 %d %b\r\n%b%b" % (status, reason, lines, framing)]

    def write(self, data: bytes) -> None:
        """Write a piece of the response body; an empty one is ignored."""
        if self.bodiless or not data:
            return
        if self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if self._corked is None:
            self._channel.write(data)
        else:
            self._corked.append(data)

    def flush(self) -> None:
        """Send what has been written since `write_head` in one piece; later writes are sent at once."""
        corked, self._corked = self._corked, None
        if corked:
            self._channel.write(corked[0] if len(corked) == 1 else b"".join(corked))

    def end_body(self, trailers: bytes = b"") -> None:
        """Write the last chunk and the trailer section if the body is chunked.

        :param trailers: lines of trailer fields, each with its CRLF.
        """
        if self._chunked:
            self._chunked = False
            last = b"0\r\n%b\r\n" % trailers
            if self._corked is None:
                self._channel.write(last)
            else:
                self._corked.append(last)

    def finish(self, trailers: bytes = b"") -> None:
        """End the response; `RelayedExchange.delivered` is called when the client's socket has accepted all of it.

        :param trailers: see `end_body`.
        """
        self.end_body(trailers)
        self.flush()
        self.finished = True
        self._channel.response_finished()

    def write_switch(self, head: bytes) -> None:
        """Start a response that is followed by another protocol; nothing is sent before `flush`.

        :param head: the complete response head, empty line included.
        """
        self.answered = self.ends_with_connection = True
        self.keep_alive = False
        self._corked = [head]

    def switch(self) -> tuple[RequestBody, bytes]:
        """Switch to raw mode: pass on what the client sends as it is.

        :return: the body through which it arrives, up to the client's FIN, and the bytes received already.
        """
        ahead = self._channel.switch()
        body = self.body = RequestBody(self._channel, None)
        # A client may have half-closed before the switch: then what has been received is all there is.
        body.begin_with(ahead, whole=self._channel.half_closed)
        return body, ahead

    def end_writing(self) -> None:
        """Half-close towards the client if the transport supports it; else close."""
        self._channel.end_writing()

    def hand_over(self, head: bytes, protocol: Any) -> bytes:
        """Send a response head and hand the client's connection to another protocol; return the bytes already
        received for it.
        """
        self._channel.write(head)
        return self._channel.hand_over(protocol)

    @property
    def owner(self) -> tuple[int, int] | None:
        """User id and inode of the client's socket, None if unknown or not looked up."""
        owner = self._channel.known_owner
        return (owner.uid, owner.inode) if owner is not None else None

    @property
    def unsent(self) -> int:
        """How many written bytes wait for the client's socket."""
        return self._channel.unsent_bytes

    def answer(self, answer: LocalResponse) -> None:
        """Send a complete response of our own."""
        self.answered = True
        self._corked = None
        self._channel.write(answer.head() if self.bodiless else answer.head() + answer.body)
        self.finished = True
        self._channel.response_finished()

    def break_off(self) -> None:
        """End an incomplete response, and the connection with it, once the client has everything written so far.

        `RelayedExchange.delivered` or `RelayedExchange.client_gone` is called then.
        """
        self.flush()
        self.broken = True
        self._channel.break_off()

    def abort(self) -> None:
        """Abort the client's connection at once."""
        self.flush()
        self._channel.abort()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Accept a producer; it is paused and resumed through `exchange`."""

    def unregisterProducer(self) -> None:
        """Accept that the producer is done."""
