"""HTTP messages as bytes, parsed only as far as necessary to compare two of them."""

from __future__ import annotations

from collections.abc import Callable

import attr

from ccsproxy.wire.headers import HOP_BY_HOP

#: Fields that are rewritten by the proxy, or concern only one connection.
_OWN = HOP_BY_HOP | {b"host"}


@attr.frozen
class RawMessage:
    """A message as received.

    :ivar first: its first line.
    :ivar lines: its header lines, with their spelling and in order.
    :ivar body: without chunk framing.
    :ivar whole: it is complete, by its own framing.
    """

    first: bytes
    lines: tuple[bytes, ...] = ()
    body: bytes = b""
    whole: bool = True

    @property
    def compared(self) -> tuple[bytes, ...]:
        """The header lines except those of one connection."""
        named = self.field(b"connection").lower().split(b",")
        left_out = _OWN | {each.strip() for each in named}
        return tuple(line for line in self.lines if _name(line) not in left_out)

    def field(self, name: bytes) -> bytes:
        """Return the value of a header field, empty if there is none."""
        return next((line.partition(b":")[2].strip() for line in self.lines if _name(line) == name), b"")


def _name(line: bytes) -> bytes:
    return line.partition(b":")[0].strip().lower()


class Incoming:
    """A stream of bytes.

    :param receive: returns the next piece, an empty one at the end.
    """

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive, self._data, self._ended = receive, b"", False

    def until(self, mark: bytes) -> tuple[bytes, bool]:
        """Return the bytes before a delimiter, and whether the delimiter was found."""
        while mark not in self._data and self._more():
            pass
        found, _, rest = self._data.partition(mark)
        came = mark in self._data
        self._data = rest
        return found, came

    def exactly(self, size: int) -> tuple[bytes, bool]:
        """Return a number of bytes, and whether there were as many."""
        while len(self._data) < size and self._more():
            pass
        found, self._data = self._data[:size], self._data[size:]
        return found, len(found) == size

    def rest(self) -> bytes:
        """Return everything until the end."""
        while self._more():
            pass
        return self._data

    def _more(self) -> bool:
        piece = b"" if self._ended else self._receive()
        self._ended = not piece
        self._data += piece
        return bool(piece)


def read_message(incoming: Incoming, *, bodiless: bool = False) -> RawMessage:
    """Read one message.

    :param bodiless: it is the response to HEAD, which has no body whatever its head says.
    """
    head, came = incoming.until(b"\r\n\r\n")
    if not came:
        return RawMessage(head, whole=False)
    first, *lines = head.split(b"\r\n")
    message = RawMessage(first, tuple(lines))
    if bodiless or first.split(b" ")[1:2] in ([b"204"], [b"304"]):
        return message
    if b"chunked" in message.field(b"transfer-encoding").lower():
        body, whole = _chunks(incoming)
    elif length := message.field(b"content-length"):
        body, whole = incoming.exactly(int(length))
    else:
        body, whole = incoming.rest() if first.startswith(b"HTTP/") else b"", True
    return attr.evolve(message, body=body, whole=whole)


def _chunks(incoming: Incoming) -> tuple[bytes, bool]:
    body = b""
    while True:
        line, came = incoming.until(b"\r\n")
        if not came:
            return body, False
        size = int(line.partition(b";")[0], 16)
        if not size:
            incoming.until(b"\r\n")
            return body, True
        chunk, whole = incoming.exactly(size)
        body += chunk
        if not whole or not incoming.until(b"\r\n")[1]:
            return body, False


def difference(one: RawMessage, other: RawMessage) -> str:
    """Describe how two messages differ, empty for not at all."""
    if one.first != other.first:
        return f"{one.first[:120]!r} and {other.first[:120]!r}"
    lost = [line for line in one.compared if line not in other.compared]
    new = [line for line in other.compared if line not in one.compared]
    if lost or new:
        return f"header lines: without {lost[:3]}, with {new[:3]}"
    if one.compared != other.compared:
        return "header lines in another order, or another number of times"
    if one.body != other.body:
        return f"bodies of {len(one.body)} and {len(other.body)} bytes, from byte {_alike(one.body, other.body)} on"
    return "" if one.whole == other.whole else "one is cut off and the other is not"


def _alike(one: bytes, other: bytes) -> int:
    """Return the length of the common prefix."""
    pairs = zip(one, other, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
