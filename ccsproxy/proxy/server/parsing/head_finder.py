"""Finding the end of a request head in the received bytes."""

import re

from ccsproxy.proxy.refusal import Refusal, malformed
from ccsproxy.proxy.server.limits import Limits

_STRAY = re.compile(rb"(?<!\r)\n|\r(?!\n)|\x00")


class HeadFinder:
    """Finds the end of a request head, however it is split, and refuses early what cannot become a valid one.

    It remembers how far it has searched, so that a head arriving byte by byte takes linear time.
    """

    __slots__ = ("_blank", "_buffer", "_limits", "_searched")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._searched = 0
        self._blank = False

    @property
    def begun(self) -> bool:
        """Whether the start of a head has arrived, but not its end."""
        return bool(self._buffer) or self._blank

    @property
    def beginning(self) -> bytes:
        """The bytes received so far, up to the largest allowed head."""
        return bytes(self._buffer[: self._limits.head])

    def feed(self, data: bytes) -> tuple[bytes, bytes] | None:
        """Take the bytes of one read.

        :return: a head, its empty line included, and the bytes that follow it; None until it is complete.
        :raises Refusal: if no further bytes could make it valid.
        """
        # Nearly every head arrives in one read: it is found there, without a copy into the buffer.
        if not self._buffer:
            if not self._blank and data.startswith(b"\r\n"):
                return self._skip(data)
            end = data.find(b"\r\n\r\n", 0, self._limits.head) + 4
            if end >= 4:
                self._blank = False
                return data[:end], data[end:]
        self._buffer += data
        if not self._blank and self._buffer.startswith(b"\r\n"):
            return self._skip(self._take())
        return self._search()

    def _skip(self, data: bytes) -> tuple[bytes, bytes] | None:
        """Ignore one empty line before a request (RFC 9112 section 2.2)."""
        self._blank = True
        return self.feed(data[2:])

    def _search(self) -> tuple[bytes, bytes] | None:
        # Three bytes back: the empty line may be split anywhere between two reads.
        end = self._buffer.find(b"\r\n\r\n", max(0, self._searched - 3), self._limits.head) + 4
        if end >= 4:
            self._blank = False
            data = self._take()
            return data[:end], data[end:]
        self._check()
        self._searched = len(self._buffer)
        return None

    def _take(self) -> bytes:
        data = bytes(self._buffer)
        self._buffer.clear()
        self._searched = 0
        return data

    def _check(self) -> None:
        data, searched, limits = self._buffer, self._searched, self._limits
        line = limits.request_line + 2
        if searched < line <= len(data) and data.find(b"\r\n", 0, line) < 0:
            raise Refusal(414, "uri_too_long", f"The request line is longer than {limits.request_line} bytes.")
        if len(data) > limits.head:
            raise Refusal(431, "headers_too_large", f"The request's head is larger than {limits.head} bytes.")
        stray = _STRAY.search(data, max(0, searched - 1))
        # A CR at the very end may still be followed by its LF.
        if stray and not (stray[0] == b"\r" and stray.end() == len(data)):
            raise malformed("The request's head contains a line end that is not CRLF, or a NUL.")
