"""Where a request head ends among the bytes that come."""

import re

from ccsproxy.proxy.refusal import Refusal, malformed
from ccsproxy.proxy.server.limits import Limits

_STRAY = re.compile(rb"(?<!\r)\n|\r(?!\n)|\x00")


class HeadFinder:
    """Finds where a request head ends, however it is cut, and refuses what can no more become a good one.

    It remembers how far it has looked, so that a head that comes byte by byte costs no more than its length.
    """

    __slots__ = ("_blank", "_buffer", "_limits", "_searched")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._searched = 0
        self._blank = False

    @property
    def begun(self) -> bool:
        """Whether the beginning of a head has come, and not its end."""
        return bool(self._buffer) or self._blank

    @property
    def beginning(self) -> bytes:
        """What has come, as far as a head could be."""
        return bytes(self._buffer[: self._limits.head])

    def feed(self, data: bytes) -> tuple[bytes, bytes] | None:
        """Take what was read.

        :return: a head, its empty line included, and what follows it; None until it is whole.
        :raises Refusal: when no more bytes could make it a good one.
        """
        # Nearly every head comes in one read: it is found in what was read, without a copy into the buffer.
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
        # Three bytes back: the empty line may be cut anywhere between two reads.
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
        # A CR at the very end may yet be followed by its LF.
        if stray and not (stray[0] == b"\r" and stray.end() == len(data)):
            raise malformed("The request's head holds a line end that is not CRLF, or a NUL.")
