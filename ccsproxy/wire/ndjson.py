"""Newline-delimited JSON, incrementally: one JSON text a line (Ollama's streams, batch results)."""

_BOM = b"\xef\xbb\xbf"


class NdjsonDecoder:
    """Turns bytes into lines, in time linear in the bytes however they are cut. Blank lines are skipped."""

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
            whole = data[:end]
        else:
            self._pending += memoryview(data)[:end]
            whole = bytes(self._pending)
            self._pending.clear()
        self._pending += memoryview(data)[end + 1 :]
        return self._lines(whole)

    def take_rest(self) -> bytes:
        """Return the line that has only begun; after the end nothing of it is kept here."""
        rest, self._rest = self._rest or bytes(self._pending), b""
        return rest

    def finish(self) -> list[bytes]:
        """Take the end of the stream.

        :return: the last line, where it had no line end and is whole.
        """
        whole = bytes(self._pending)
        self._pending.clear()
        if not may_be_whole(whole):
            self._rest = whole
            return []
        return self._lines(whole)

    def _lines(self, whole: bytes) -> list[bytes]:
        if self._first:
            self._first = False
            whole = whole.removeprefix(_BOM)
        return [line for line in map(bytes.strip, whole.split(b"\n")) if line]


def may_be_whole(line: bytes) -> bool:
    """Tell quickly that a line was cut off within an object or array: it does not end as it began."""
    closing = _CLOSING.get(line[:64].lstrip(_BLANK)[:1])
    return closing is None or line[-64:].rstrip()[-1:] == closing


_BLANK = _BOM + b" \t\r\n"
_CLOSING = {b"{": b"}", b"[": b"]"}
