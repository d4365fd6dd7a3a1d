"""Newline-delimited JSON, decoded incrementally: one JSON text per line (Ollama's streams, batch results).

It also buffers incomplete lines and events, without a second copy if the caller keeps the body anyway.
"""

from collections.abc import Callable

#: How many bytes at the end of the body are compared with the caller's copy before they are dropped here.
_BLOCK = 256 << 10
_BOM = b"\xef\xbb\xbf"


class NdjsonDecoder:
    """Splits bytes into lines, in linear time however they are split. Blank lines are skipped."""

    def __init__(self) -> None:
        self._pending = PendingBytes()
        self._rest = bytearray()
        self._first = True

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes.

        :return: the lines that they complete, without line ends and surrounding white space.
        """
        end = data.rfind(b"\n")
        if end < 0:
            self._pending.add(data)
            return []
        if not self._pending.tail:
            block = data[:end]
        else:
            self._pending.tail += memoryview(data)[:end]
            block = self._pending.take(len(self._pending.tail), 0)
        self._pending.add(memoryview(data)[end + 1 :])
        return self._lines(block)

    def borrow(self, kept: Callable[[], bytes | bytearray]) -> None:
        """Use a body that the caller keeps anyway; see `PendingBytes.borrow`."""
        self._pending.borrow(kept)

    def take_rest(self) -> bytearray:
        """Return the incomplete last line, and drop it."""
        if self._pending.tail:
            return self._pending.whole()
        rest, self._rest = self._rest, bytearray()
        return rest

    def finish(self) -> list[bytes]:
        """Take the end of the stream.

        :return: the last line, if it lacks a line end but is complete.
        """
        block = self._pending.whole()
        self._pending.clear()
        if not may_be_complete(block):
            self._rest = block
            return []
        return self._lines(bytes(block))

    def _lines(self, block: bytes) -> list[bytes]:
        if self._first:
            self._first = False
            block = block.removeprefix(_BOM)
        return [line for line in map(bytes.strip, block.split(b"\n")) if line]


def may_be_complete(line: bytes | bytearray) -> bool:
    """Tell quickly whether a line may be complete; one cut off within an object or array does not end with its
    closing bracket.
    """
    closing = _CLOSING.get(bytes(line[:64].lstrip(_BLANK)[:1]))
    return closing is None or line[-64:].rstrip()[-1:] == closing


_BLANK = _BOM + b" \t\r\n"
_CLOSING = {b"{": b"}", b"[": b"]"}


class PendingBytes:
    """Collects the bytes of an incomplete event; those of a long one are taken from the caller's copy of the body.

    Invariant: the event's bytes are ``kept[_begin:_end]`` followed by ``tail``; ``tail`` is empty only if both are,
    so that a search for an end that may be split finds the last byte there.

    :ivar tail: the last bytes, in which the end is searched for.
    """

    def __init__(self) -> None:
        """Create an empty buffer."""
        self.tail = bytearray()
        self._kept: Callable[[], bytes | bytearray] | None = None
        self._begin = self._end = 0

    def borrow(self, kept: Callable[[], bytes | bytearray]) -> None:
        """Use a body that the caller keeps, and to which it appends all data before feeding it.

        :param kept: returns the body so far, of which nothing may be changed or dropped before the end.
        """
        self._kept = kept

    def add(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes of the event."""
        self.tail += data
        if len(self.tail) > _BLOCK and self._kept is not None:
            self._share(self._kept())

    def take(self, end: int, skipped: int) -> bytes:
        """Remove the event and its separator.

        :param end: how many bytes of the tail belong to it.
        :param skipped: the length of the separator after them.
        :return: the event.
        """
        found = self._joined(end)
        del self.tail[: end + skipped]
        self._begin = self._end = 0
        return found

    def whole(self) -> bytearray:
        """Return a copy of all bytes."""
        found = bytearray()
        if self._end and self._kept is not None:
            with memoryview(self._kept()) as kept:
                found += kept[self._begin : self._end]
        found += self.tail
        return found

    def clear(self) -> None:
        """Drop all buffered bytes."""
        self.tail = bytearray()
        self._begin = self._end = 0

    def _joined(self, end: int) -> bytes:
        with memoryview(self.tail) as tail:
            if not self._end or self._kept is None:
                return bytes(tail[:end])
            with memoryview(self._kept()) as kept:
                return b"".join((kept[self._begin : self._end], tail[:end]))

    def _share(self, kept: bytes | bytearray) -> None:
        """Drop the tail except for its last byte, if the body ends with it and it follows what was dropped before."""
        at = len(kept) - len(self.tail)
        # Data that was decoded differently, or arrived when the body was full, is not in the body.
        if (self._end and at != self._end) or at < 0 or not kept.endswith(self.tail):
            return
        if not self._end:
            self._begin = at
        self._end = len(kept) - 1
        del self.tail[:-1]
