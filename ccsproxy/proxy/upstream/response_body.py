"""Framing of response bodies, decoded with one piece per read (RFC 9112 sections 6 and 7)."""

import re
from typing import Protocol

from ccsproxy.exchange.fieldlines import RawHeaders
from ccsproxy.proxy.errors import UpstreamProtocolError
from ccsproxy.proxy.framing import ChunkedReader, LengthBody
from ccsproxy.proxy.upstream.response_head import parse_fields

#: Maximum size in bytes of one chunk-size line, extensions included, which clients allow 16 to 64 KiB, and of a
#: trailer section.
SIZE_LINE_LIMIT = 16 * 1024
TRAILER_LIMIT = 8 * 1024

_HEX = b"0123456789abcdefABCDEF"
_SIZE_LINE = re.compile(rb"0*+([0-9A-Fa-f]{0,15})(?<=[0-9A-Fa-f])[ \t]*+(?:;[^\r\n\0]*+)?")
_SIZE_LINE_BEGINNING = re.compile(rb"0*+[0-9A-Fa-f]{0,15}(?:(?<=[0-9A-Fa-f])[ \t]*+(?:;[^\r\n\0]*+)?\r?)?")


class Body(Protocol):
    """A response body that is being read.

    :ivar done: it is complete by its own framing.
    :ivar surplus: bytes after its end; never delivered.
    :ivar until_close: it is delimited by the end of the connection.
    :ivar trailers: the trailer fields.
    """

    done: bool
    surplus: bytes
    until_close: bool
    trailers: RawHeaders

    def feed(self, data: bytes) -> bytes:
        """Take the data of one read; return the part of it that is body, joined.

        :raises UpstreamProtocolError: if the framing is invalid.
        """


class CloseBody:
    """A body delimited by the end of the connection."""

    __slots__ = ("done", "surplus", "trailers", "until_close")

    def __init__(self) -> None:
        self.done = False
        self.surplus = b""
        self.until_close = True
        self.trailers: RawHeaders = []

    def feed(self, data: bytes) -> bytes:
        """Take the data of one read; all of it is body."""
        return data


class ChunkedResponseBody(ChunkedReader):
    """A chunked response body, as lenient as every client."""

    __slots__ = ()

    beginning = _SIZE_LINE_BEGINNING
    line_limit = SIZE_LINE_LIMIT
    trailer_limit = TRAILER_LIMIT

    def size_of(self, line: bytes) -> int:
        """Parse a chunk size; blanks, extensions and leading zeros are ignored."""
        if line and len(line) < 16 and not line.translate(None, _HEX):
            return int(line, 16)
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise self.refused_size()
        return int(match[1] or b"0", 16)

    def parse_trailers(self, lines: bytes) -> RawHeaders:
        """Parse the trailer section."""
        return parse_fields(lines.removesuffix(b"\r\n"))

    def refused_size(self) -> Exception:
        """Return the error for an invalid chunk size."""
        return UpstreamProtocolError("The upstream sent a chunk without a valid size.")

    def refused_length(self) -> Exception:
        """Return the error for a chunk that is longer than announced."""
        return UpstreamProtocolError("The upstream sent a chunk that is longer than announced.")

    def refused_trailers(self) -> Exception:
        """Return the error for trailers that are too long."""
        return UpstreamProtocolError("The upstream's trailer section is longer than 8 KiB.")


def body_of(method: bytes, code: int, length: int | None, *, chunked: bool) -> Body:
    """Determine how a response body is framed (RFC 9112 section 6.3).

    :param length: the value of ``Content-Length``, None without it.
    """
    if method == b"HEAD" or code in (204, 304):
        return LengthBody(0)
    if chunked:
        return ChunkedResponseBody()
    return CloseBody() if length is None else LengthBody(length)
