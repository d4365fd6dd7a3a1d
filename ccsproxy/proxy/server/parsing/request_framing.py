"""Framing of request bodies, parsed strictly and incrementally (RFC 9112 sections 6 and 7)."""

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
    """Removes the transfer coding from a request body.

    :ivar done: the body is complete.
    :ivar surplus: bytes after its end: the start of the next request.
    """

    done: bool
    surplus: bytes

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they arrive; return the body bytes decoded from them."""


class EndlessBody:
    """The raw stream after a protocol switch, treated as a body that ends with the connection.

    :ivar done: never.
    """

    done = False
    surplus = b""

    def feed(self, data: bytes) -> bytes:
        """Return the bytes unchanged."""
        return data


class ChunkedRequestBody(ChunkedReader):
    """A chunked request body, parsed strictly: two parsers could disagree about anything else.

    :ivar limits: its maximum size.
    """

    __slots__ = ("_size", "limits", "line_limit", "trailer_limit")

    beginning = _CHUNK_LINE_BEGINNING

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits = limits
        self.line_limit, self.trailer_limit = limits.chunk_line, limits.trailers
        self._size = 0

    def size_of(self, line: bytes) -> int:
        """Parse a chunk size, and refuse a body as soon as it announces more than is allowed."""
        match = _CHUNK_LINE.fullmatch(line)
        if match is None:
            raise self.refused_size()
        size = int(match[1], 16)
        # The announced sizes are counted: a body that will be too long is refused before its bytes arrive.
        self._size += size
        if self._size > self.limits.body:
            raise too_large(self.limits)
        return size

    def parse_trailers(self, lines: bytes) -> RawHeaders:
        """Parse the trailer section, which is not forwarded."""
        return parse_trailers(lines)

    def _keep_trailer(self, rest: bytes) -> None:
        """Refuse at once what cannot become a trailer section."""
        super()._keep_trailer(rest)
        lines, line_end, beginning = rest.rpartition(b"\r\n")
        # Complete lines are checked as they arrive, so that a bad one is refused even if the section never ends.
        if line_end:
            parse_trailers(lines + line_end)
        if b"\n" in beginning:
            raise malformed("A trailer field of the request is malformed.")

    def refused_size(self) -> Exception:
        """Return the refusal of a malformed chunk-size line."""
        return malformed("The line before a chunk of the request's body is malformed or too long.")

    def refused_length(self) -> Exception:
        """Return the refusal of a chunk that is longer than announced."""
        return malformed("A chunk of the request's body is longer than its line says.")

    def refused_trailers(self) -> Exception:
        """Return the refusal of a trailer section that is too long."""
        return Refusal(431, "trailers_too_large", "The request's trailer section is too large.")


def too_large(limits: Limits) -> Refusal:
    """Return the refusal of a body beyond the limit."""
    return Refusal(413, "request_too_large", f"The request's body is larger than {limits.body} bytes.")


def body_reader(length: int | None, limits: Limits) -> BodyReader:
    """Return a reader for a request's body.

    :param length: in bytes; None if it is chunked.
    :raises Refusal: if the Content-Length exceeds the limit.
    """
    if length is None:
        return ChunkedRequestBody(limits)
    if length > limits.body:
        raise too_large(limits)
    return LengthBody(length)
