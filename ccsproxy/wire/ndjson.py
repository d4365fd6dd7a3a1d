"""Newline-delimited JSON, decoded incrementally: one JSON text per line (Ollama's streams, batch results)."""

_BOM = b"\xef\xbb\xbf"


class NdjsonDecoder:
    """Splits bytes into lines, in linear time however they are split. Blank lines are skipped."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._rest = b""
        self._first = True

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes.

        :return: the lines that they complete, without line ends and surrounding white space.
        """
        end = data.rfind(b"\n")
        if end < 0:
            self._pending += data
            return []
        if not self._pending:
            block = data[:end]
        else:
            self._pending += memoryview(data)[:end]
            block = bytes(self._pending)
            self._pending.clear()
        self._pending += memoryview(data)[end + 1 :]
        return self._lines(block)

    def take_rest(self) -> bytes:
        """Return the incomplete last line; after the end it is no longer kept here."""
        rest, self._rest = self._rest or bytes(self._pending), b""
        return rest

    def finish(self) -> list[bytes]:
        """Take the end of the stream.

        :return: the last line, if it lacks a line end but is complete.
        """
        block = bytes(self._pending)
        self._pending.clear()
        if not may_be_complete(block):
            self._rest = block
            return []
        return self._lines(block)

    def _lines(self, block: bytes) -> list[bytes]:
        if self._first:
            self._first = False
            block = block.removeprefix(_BOM)
        return [line for line in map(bytes.strip, block.split(b"\n")) if line]


def may_be_complete(line: bytes) -> bool:
    """Tell quickly whether a line may be complete; one cut off within an object or array does not end with its
    closing bracket.
    """
    closing = _CLOSING.get(line[:64].lstrip(_BLANK)[:1])
    return closing is None or line[-64:].rstrip()[-1:] == closing


_BLANK = _BOM + b" \t\r\n"
_CLOSING = {b"{": b"}", b"[": b"]"}
