"""A streamed JSON array, decoded incrementally: its elements as they are completed (Gemini without ``alt=sse``).

Top-level objects outside an array (a bare error object) are returned as elements too. Only brackets and strings are
examined; whether an element is valid JSON is for its reader to determine.
"""

import re

_OUTSIDE = re.compile(rb'["{}\[\],]')
_IN_STRING = re.compile(rb'["\\]')
_BLANK = b" \t\r\n,\xef\xbb\xbf"


class JsonArrayDecoder:
    """Splits bytes into the elements of a streamed array, in linear time however they are split."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._position = 0
        self._start = 0
        self._depth = 0
        self._in_array = False
        self._in_string = False

    @property
    def complete(self) -> bool:
        """Whether everything that was opened has been closed."""
        return not (self._depth or self._in_array or self._in_string or self._buffer.strip(_BLANK))

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes.

        :return: the elements that they complete, as JSON text.
        """
        self._buffer += data
        elements: list[bytes] = []
        while self._step(elements):
            pass
        del self._buffer[: self._start]
        self._position -= self._start
        self._start = 0
        return elements

    def _step(self, elements: list[bytes]) -> bool:
        """Advance to the next significant byte; false if the buffer ends first."""
        match = (_IN_STRING if self._in_string else _OUTSIDE).search(self._buffer, self._position)
        if match is None:
            self._position = max(self._position, len(self._buffer))
            return False
        at = match.start()
        self._position = at + 1
        byte = self._buffer[at]
        if byte == 0x22:
            self._in_string = not self._in_string
        elif byte == 0x5C:
            self._position += 1
        elif byte in b"{[":
            self._open(byte, at)
        elif byte in b"}]":
            self._close(elements, at)
        elif self._depth == 0:
            self._emit(elements, at)
        return True

    def _open(self, byte: int, at: int) -> None:
        if byte == 0x5B and self._depth == 0 and not self._in_array:
            self._in_array = True
            self._start = at + 1
        else:
            self._depth += 1

    def _close(self, elements: list[bytes], at: int) -> None:
        if self._depth == 0:
            self._emit(elements, at)
            self._in_array = False
            return
        self._depth -= 1
        if self._depth == 0:
            self._emit(elements, at + 1)

    def _emit(self, elements: list[bytes], end: int) -> None:
        element = bytes(self._buffer[self._start : end]).strip(_BLANK)
        if element:
            elements.append(element)
        self._start = self._position
