"""Request bodies: where they end, read strictly and piece by piece (RFC 9112 sections 6 and 7)."""

import re
from typing import Protocol

from ccsproxy.proxy.refusal import Refusal, malformed
from ccsproxy.proxy.server.limits import Limits
from ccsproxy.proxy.server.request_head import parse_trailers

_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[\t\x20-\x7e\x80-\xff]*+)?\r\n")


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


class FixedBody:
    """A body of a known length."""

    __slots__ = ("_left", "done", "surplus")

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = not length
        self.surplus = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they arrive; return the part of the body that they hold."""
        left = self._left
        size = len(data)
        if size < left:
            self._left = left - size
            return data
        self._left = 0
        self.done = True
        if size == left:
            return data
        self.surplus = data[left:]
        return data[:left]


class ChunkedBody:
    """A chunked body. Chunk extensions and trailers are checked and left out."""

    __slots__ = ("_held", "_left", "_limits", "_size", "_step", "done", "surplus")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held = b""
        self._left = 0
        self._size = 0
        self._step = self._line
        self.done = False
        self.surplus = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they arrive; return the part of the body that they hold.

        :raises Refusal: when they are not a chunked body, or one that is larger than allowed.
        """
        if self._held:
            data = self._held + data
            self._held = b""
        pieces: list[bytes] = []
        position, size = 0, len(data)
        while position < size and not self.done:
            moved = self._step(data, position, pieces)
            if moved == position:
                self._held = data[position:]
                break
            position = moved
        if self.done:
            self.surplus = data[position:]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _line(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        """Read the line that announces a chunk."""
        match = _CHUNK_LINE.match(data, position, position + self._limits.chunk_line)
        if match is None:
            self._check_unfinished(data, position)
            return position
        self._left = int(match[1], 16)
        self._size += self._left
        if self._size > self._limits.body:
            raise too_large(self._limits)
        self._step = self._content if self._left else self._trailers
        return match.end()

    def _check_unfinished(self, data: bytes, position: int) -> None:
        line = data[position : position + self._limits.chunk_line]
        if len(line) == self._limits.chunk_line or not _CHUNK_LINE.fullmatch(_completed(line)):
            raise malformed("The line before a chunk of the request's body is malformed or too long.")

    def _content(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        """Take what is there of a chunk."""
        piece = data[position : position + self._left]
        pieces.append(piece)
        self._left -= len(piece)
        if not self._left:
            self._step = self._end_of_chunk
        return position + len(piece)

    def _end_of_chunk(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        """Read the line end behind a chunk."""
        end = data[position : position + 2]
        if end == b"\r\n":
            self._step = self._line
            return position + 2
        if end != b"\r":
            raise malformed("A chunk of the request's body is longer than its line says.")
        return position

    def _trailers(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        """Read the trailer section, which is not forwarded."""
        if data.startswith(b"\r\n", position):
            end = position + 2
        else:
            found = data.find(b"\r\n\r\n", position, position + self._limits.trailers)
            if found < 0:
                return self._unfinished_trailers(data, position)
            end = found + 4
            parse_trailers(data[position : found + 2])
        self.done = True
        return end

    def _unfinished_trailers(self, data: bytes, position: int) -> int:
        if len(data) - position >= self._limits.trailers:
            raise Refusal(431, "trailers_too_large", "The request's trailer section is too large.")
        section = data[position:]
        lines, line_end, beginning = section.rpartition(b"\r\n")
        if line_end:
            parse_trailers(lines + line_end)
        if b"\n" in beginning:
            raise malformed("A trailer field of the request is malformed.")
        return position


def too_large(limits: Limits) -> Refusal:
    """Return the refusal of a body beyond the limit."""
    return Refusal(413, "request_too_large", f"The request's body is larger than {limits.body} bytes.")


def body_reader(length: int | None, limits: Limits) -> BodyReader:
    """Return a reader for a request's body.

    :param length: in bytes; None when it is chunked.
    :raises Refusal: when the length alone is too much.
    """
    if length is None:
        return ChunkedBody(limits)
    if length > limits.body:
        raise too_large(limits)
    return FixedBody(length)


def _completed(line: bytes) -> bytes:
    """Complete the beginning of a chunk line to the shortest line that could follow from it."""
    if line.endswith(b"\r"):
        return line + b"\n"
    return line + b"\r\n"
