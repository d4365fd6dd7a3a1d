"""Request bodies: where they end, read strictly and piece by piece (RFC 9112 sections 6 and 7)."""

import re
from typing import Protocol

from ccsproxy.exchange.fieldlines import RawHeaders
from ccsproxy.proxy.framing import ChunkedReader, LengthBody
from ccsproxy.proxy.refusal import Refusal, malformed
from ccsproxy.proxy.server.limits import Limits
from ccsproxy.proxy.server.parsing.request_head import parse_trailers

_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[\t\x20-\x7e\x80-\xff]*+)?")
_CHUNK_LINE_BEGINNING = re.compile(rb"[0-9A-Fa-f]{0,16}(?:(?<=[0-9A-Fa-f])(?:;[\t\x20-\x7e\x80-\xff]*+)?\r?)?")


class BodyReader(Protocol):
    """Takes the transfer coding off a request body.

    :ivar done: the body is whole.
    :ivar surplus: what came behind its end, the beginning of the next request.
    """

    done: bool
    surplus: bytes

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they arrive; return the part of the body that they hold."""


class EndlessBody:
    """What follows a change of protocol: no body of HTTP, read as if it were one that ends with the connection.

    :ivar done: never.
    """

    done = False
    surplus = b""

    def feed(self, data: bytes) -> bytes:
        """Return the bytes as they are."""
        return data


class ChunkedRequestBody(ChunkedReader):
    """A request's body in chunks, read strictly: two readers could disagree on everything else.

    :ivar limits: how large it may be.
    """

    __slots__ = ("_size", "limits", "line_limit", "trailer_limit")

    beginning = _CHUNK_LINE_BEGINNING

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits = limits
        self.line_limit, self.trailer_limit = limits.chunk_line, limits.trailers
        self._size = 0

    def size_of(self, line: bytes) -> int:
        """Read a size, and refuse a body that is too large as soon as it says so."""
        match = _CHUNK_LINE.fullmatch(line)
        if match is None:
            raise self.refused_size()
        size = int(match[1], 16)
        # Counted by what the line announces: a body that is going to be too long is refused before its bytes arrive.
        self._size += size
        if self._size > self.limits.body:
            raise too_large(self.limits)
        return size

    def parse_trailers(self, lines: bytes) -> RawHeaders:
        """Read the trailer section, which is not forwarded."""
        return parse_trailers(lines)

    def _keep_trailer(self, rest: bytes) -> None:
        """Refuse at once what cannot become a trailer section."""
        super()._keep_trailer(rest)
        lines, line_end, beginning = rest.rpartition(b"\r\n")
        # Whole lines are judged as they come, so that a bad one is refused although its section never ends.
        if line_end:
            parse_trailers(lines + line_end)
        if b"\n" in beginning:
            raise malformed("A trailer field of the request is malformed.")

    def refused_size(self) -> Exception:
        """Say that the line before a chunk is none."""
        return malformed("The line before a chunk of the request's body is malformed or too long.")

    def refused_length(self) -> Exception:
        """Say that a chunk is too long."""
        return malformed("A chunk of the request's body is longer than its line says.")

    def refused_trailers(self) -> Exception:
        """Say that the trailers are too long."""
        return Refusal(431, "trailers_too_large", "The request's trailer section is too large.")


def too_large(limits: Limits) -> Refusal:
    """Return the refusal of a body beyond the limit."""
    return Refusal(413, "request_too_large", f"The request's body is larger than {limits.body} bytes.")


def body_reader(length: int | None, limits: Limits) -> BodyReader:
    """Return a reader for a request's body.

    :param length: in bytes; None when it is chunked.
    :raises Refusal: when the length alone is too much.
    """
    if length is None:
        return ChunkedRequestBody(limits)
    if length > limits.body:
        raise too_large(limits)
    return LengthBody(length)
