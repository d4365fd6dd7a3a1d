"""Body framing of HTTP/1.1 for both sides of the relay, decoded incrementally (RFC 9112 sections 6 and 7)."""

import re
from abc import ABC, abstractmethod
from typing import ClassVar

from ccsproxy.exchange.fieldlines import RawHeaders, joined
from ccsproxy.wire.headers import HOP_BY_HOP

#: Trailer fields that are not passed on: they frame, route or concern one connection (RFC 9110 section 6.5.1).
_NOT_IN_TRAILERS = HOP_BY_HOP | {b"content-length", b"host"}


def trailer_lines(trailers: RawHeaders) -> bytes:
    """Format the trailer fields that are passed on, one line each.

    :param trailers: as received.
    """
    return joined([field for field in trailers if field[0].lower() not in _NOT_IN_TRAILERS]) if trailers else b""


class LengthBody:
    """A body with a known length.

    :param length: in bytes.
    """

    __slots__ = ("done", "left", "surplus", "trailers", "until_close")

    def __init__(self, length: int) -> None:
        self.left = length
        self.done = not length
        self.surplus = b""
        self.until_close = False
        self.trailers: RawHeaders = []

    def feed(self, data: bytes) -> bytes:
        """Take the data of one read; return the part of it that is body."""
        left = self.left - len(data)
        if left > 0:
            self.left = left
            return data
        self.left = 0
        self.done = True
        if left:
            self.surplus = data[left:]
            return data[:left]
        return data


class ChunkedReader(ABC):
    """Decodes a chunked body, returning one piece per read. Bare line feeds are never accepted.

    Each side defines in a subclass what else it accepts and which errors it raises: `size_of`, `refused_size`,
    `refused_length`, `refused_trailers`, `parse_trailers`. Chunk extensions are dropped.

    :cvar beginning: matches what may still become a chunk-size line.
    :ivar line_limit: the maximum length of a chunk-size line in bytes, extensions included.
    :ivar trailer_limit: the maximum size of the trailer section in bytes.
    """

    beginning: ClassVar[re.Pattern[bytes]]
    line_limit: int
    trailer_limit: int

    __slots__ = ("_in_trailer", "_left", "_rest", "done", "surplus", "trailers", "until_close")

    def __init__(self) -> None:
        self.done = False
        self.surplus = b""
        self.until_close = False
        self.trailers: RawHeaders = []
        self._left = 0  # bytes still to come of the chunk and its CRLF
        self._rest = b""  # an incomplete size line or trailer section
        self._in_trailer = False

    def feed(self, data: bytes) -> bytes:
        """Take the data of one read; return the content of its chunks, joined."""
        left = self._left
        if left - 2 >= len(data):
            self._left = left - len(data)
            return data
        if self._rest:
            data = self._rest + data
            self._rest = b""
        pieces: list[bytes] = []
        position = self._finish_chunk(data, pieces) if left else 0
        end = len(data)
        while position < end and not self._in_trailer:
            position = self._read_chunk(data, position, pieces)
        if self._in_trailer and not self.done and position <= end:
            self._read_trailer(data, position)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _finish_chunk(self, data: bytes, pieces: list[bytes]) -> int:
        """Take the rest of a chunk that started in an earlier read."""
        left = self._left
        if left > 2:
            pieces.append(data[: left - 2])
        if len(data) < left:
            # Only the CRLF or its second byte is still missing.
            seen = data[max(0, left - 2) :]
            self._left = left - len(data)
            self._check_line_end(seen, left)
            return len(data)
        self._check_line_end(data[max(0, left - 2) : left], left)
        self._left = 0
        return left

    def _check_line_end(self, seen: bytes, left: int) -> None:
        expected = b"\n" if left == 1 else b"\r\n"
        if not expected.startswith(seen):
            raise self.refused_length()

    def _read_chunk(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        """Decode one chunk, or as much of it as there is; return where it ends."""
        line_end = data.find(b"\r\n", position, position + self.line_limit)
        if line_end < 0:
            self._keep_size_line(data[position:])
            return len(data)
        size = self.size_of(data[position:line_end])
        start = line_end + 2
        if not size:
            self._in_trailer = True
            return start
        stop = start + size
        if stop + 2 <= len(data):
            if data[stop : stop + 2] != b"\r\n":
                raise self.refused_length()
            pieces.append(data[start:stop])
            return stop + 2
        if stop > start and len(data) > start:
            pieces.append(data[start:stop])
        self._left = stop + 2 - len(data)
        self._check_line_end(data[stop:], 2)
        return len(data)

    def _keep_size_line(self, line: bytes) -> None:
        if len(line) >= self.line_limit or not self.beginning.fullmatch(line):
            raise self.refused_size()
        self._rest = line

    def _read_trailer(self, data: bytes, position: int) -> None:
        """Parse the trailer section; until it is complete, keep it for the next read."""
        if data.startswith(b"\r\n", position):
            end = position + 2
        else:
            last = data.find(b"\r\n\r\n", position)
            if last < 0:
                self._keep_trailer(data[position:])
                return
            self._check_trailer_size(last - position)
            self.trailers = self.parse_trailers(data[position : last + 2])
            end = last + 4
        self.done = True
        self.surplus = data[end:]

    def _keep_trailer(self, rest: bytes) -> None:
        self._check_trailer_size(len(rest))
        self._rest = rest

    def _check_trailer_size(self, size: int) -> None:
        if size > self.trailer_limit:
            raise self.refused_trailers()

    @abstractmethod
    def size_of(self, line: bytes) -> int:
        """Return the size in a chunk-size line.

        :param line: without its CRLF.
        """

    @abstractmethod
    def parse_trailers(self, lines: bytes) -> RawHeaders:
        """Parse the trailer section.

        :param lines: its lines, each with its CRLF.
        """

    @abstractmethod
    def refused_size(self) -> Exception:
        """Return the exception for an invalid chunk-size line."""

    @abstractmethod
    def refused_length(self) -> Exception:
        """Return the exception for a chunk that is longer than announced."""

    @abstractmethod
    def refused_trailers(self) -> Exception:
        """Return the exception for a trailer section that is too long."""
