"""Response bodies: taking off the framing, one piece out for each read in (RFC 9112 section 6 and 7)."""

import re
from typing import Protocol

from ccsproxy.exchange.relayed import RawHeaders
from ccsproxy.proxy.errors import UpstreamProtocolError
from ccsproxy.proxy.upstream.response_head import parse_fields

#: The most bytes of one chunk-size line, extensions included, and of a trailer section.
SIZE_LINE_LIMIT = 1024
TRAILER_LIMIT = 8 * 1024

_HEX = b"0123456789abcdefABCDEF"
_SIZE_LINE = re.compile(rb"0*+([0-9A-Fa-f]{0,15})(?<=[0-9A-Fa-f])[ \t]*+(?:;[^\r\n\0]*+)?")
_SIZE_LINE_BEGINNING = re.compile(rb"0*+[0-9A-Fa-f]{0,15}(?:(?<=[0-9A-Fa-f])[ \t]*+(?:;[^\r\n\0]*+)?\r?)?")


class Body(Protocol):
    """A body being read.

    :ivar done: it is whole by its own framing.
    :ivar surplus: bytes came after its end; they are never delivered.
    :ivar until_close: its end is the end of the connection.
    :ivar trailers: the trailer fields.
    """

    done: bool
    surplus: bool
    until_close: bool
    trailers: RawHeaders

    def feed(self, data: bytes) -> bytes:
        """Take what was read; return what of it is content, joined.

        :raises UpstreamProtocolError: when the framing is broken.
        """


class LengthBody:
    """A body of a known number of bytes.

    :param length: how many.
    """

    __slots__ = ("done", "left", "surplus", "trailers", "until_close")

    def __init__(self, length: int) -> None:
        self.left = length
        self.done = not length
        self.surplus = False
        self.until_close = False
        self.trailers: RawHeaders = []

    def feed(self, data: bytes) -> bytes:
        """Take what was read; return what of it is content."""
        left = self.left - len(data)
        if left > 0:
            self.left = left
            return data
        self.left = 0
        self.done = True
        if left:
            self.surplus = True
            return data[:left]
        return data


class CloseBody:
    """A body that ends with the connection."""

    __slots__ = ("done", "surplus", "trailers", "until_close")

    def __init__(self) -> None:
        self.done = False
        self.surplus = False
        self.until_close = True
        self.trailers: RawHeaders = []

    def feed(self, data: bytes) -> bytes:
        """Take what was read; all of it is content."""
        return data


class ChunkedBody:
    """A body in chunks. Nothing is accepted that the grammar does not allow, bare line feeds least of all."""

    __slots__ = ("_in_trailer", "_left", "_rest", "done", "surplus", "trailers", "until_close")

    def __init__(self) -> None:
        self.done = False
        self.surplus = False
        self.until_close = False
        self.trailers: RawHeaders = []
        self._left = 0  # bytes still to come of the chunk and its line end
        self._rest = b""  # the beginning of a size line or trailer section
        self._in_trailer = False

    def feed(self, data: bytes) -> bytes:
        """Take what was read; return the content of its chunks, joined."""
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
        """Take the rest of a chunk that an earlier read began."""
        left = self._left
        if left > 2:
            pieces.append(data[: left - 2])
        if len(data) < left:
            # What is left is the line end or its second byte.
            seen = data[max(0, left - 2) :]
            self._left = left - len(data)
            self._check_line_end(seen, left)
            return len(data)
        self._check_line_end(data[max(0, left - 2) : left], left)
        self._left = 0
        return left

    @staticmethod
    def _check_line_end(seen: bytes, left: int) -> None:
        expected = b"\n" if left == 1 else b"\r\n"
        if not expected.startswith(seen):
            raise UpstreamProtocolError("The upstream sent a chunk that is longer than it said.")

    def _read_chunk(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        """Take one chunk, or as much of it as there is; return where it ends."""
        line_end = data.find(b"\r\n", position, position + SIZE_LINE_LIMIT)
        if line_end < 0:
            self._keep_size_line(data[position:])
            return len(data)
        size = self._size(data[position:line_end])
        start = line_end + 2
        if not size:
            self._in_trailer = True
            return start
        stop = start + size
        if stop + 2 <= len(data):
            if data[stop : stop + 2] != b"\r\n":
                raise UpstreamProtocolError("The upstream sent a chunk that is longer than it said.")
            pieces.append(data[start:stop])
            return stop + 2
        if stop > start and len(data) > start:
            pieces.append(data[start:stop])
        self._left = stop + 2 - len(data)
        self._check_line_end(data[stop:], 2)
        return len(data)

    @staticmethod
    def _size(line: bytes) -> int:
        if line and len(line) < 16 and not line.translate(None, _HEX):
            return int(line, 16)
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise UpstreamProtocolError("The upstream sent a chunk without a valid size.")
        return int(match[1] or b"0", 16)

    def _keep_size_line(self, line: bytes) -> None:
        if len(line) >= SIZE_LINE_LIMIT or not _SIZE_LINE_BEGINNING.fullmatch(line):
            raise UpstreamProtocolError("The upstream sent a chunk without a valid size.")
        self._rest = line

    def _read_trailer(self, data: bytes, position: int) -> None:
        """Take the trailer section; until it is whole it is kept and looked at again."""
        if data.startswith(b"\r\n", position):
            end = position + 2
        else:
            last = data.find(b"\r\n\r\n", position)
            if last < 0:
                self._keep_trailer(data[position:])
                return
            self._check_trailer_size(last - position)
            self.trailers = parse_fields(data[position:last])
            end = last + 4
        self.done = True
        self.surplus = end < len(data)

    def _keep_trailer(self, rest: bytes) -> None:
        self._check_trailer_size(len(rest))
        self._rest = rest

    @staticmethod
    def _check_trailer_size(size: int) -> None:
        if size > TRAILER_LIMIT:
            raise UpstreamProtocolError("The upstream's trailer section is longer than 8 KiB.")
