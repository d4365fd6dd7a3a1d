"""Newline-delimited JSON, incrementally: one JSON text a line (Ollama's streams, batch results)."""

_BOM = b"\xef\xbb\xbf"


class NdjsonDecoder:
    """Turns bytes into lines, in time linear in the bytes however they are cut. Blank lines are skipped."""

    def __init__(self) -> None:
        self._pending: list[bytes] = []
        self._first = True

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes.

        :return: the lines that they complete, without line ends and surrounding white space.
        """
        end = data.rfind(b"\n")
        if end < 0:
            self._pending.append(data)
            return []
        whole = b"".join([*self._pending, data[:end]])
        self._pending = [data[end + 1 :]]
        return self._lines(whole)

    @property
    def rest(self) -> bytes:
        """The line that has only begun."""
        if len(self._pending) > 1:
            self._pending = [b"".join(self._pending)]
        return self._pending[0] if self._pending else b""

    def finish(self) -> list[bytes]:
        """Take the end of the stream.

        :return: the last line, where it had no line end; nothing says whether it is whole.
        """
        whole = b"".join(self._pending)
        self._pending = []
        return self._lines(whole)

    def _lines(self, whole: bytes) -> list[bytes]:
        if self._first:
            self._first = False
            whole = whole.removeprefix(_BOM)
        return [line for line in map(bytes.strip, whole.split(b"\n")) if line]
