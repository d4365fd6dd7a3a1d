"""The decompressors behind one interface; the only module that imports them.

Each has ``feed(data, room)``, which returns at most slightly more than ``room`` bytes (one byte more tells the caller
that the limit is reached) and raises `CodingError` with the output so far, and ``finished``.
"""

import zlib

import brotli
import zstandard

#: zstd blocks expand at best to 128 KiB from 4 bytes, so this much input yields at most 32 MiB between two checks.
_ZSTD_STEP = 1024
_ZSTD_WINDOW = 1 << 27


class CodingError(Exception):
    """The bytes are invalid in this coding.

    :ivar output: what was decoded before the error.
    """

    def __init__(self, output: bytes) -> None:
        super().__init__("damaged content coding")
        self.output = output


class Gzip:
    """gzip with any number of members; zero padding after a member is not damage (RFC 1952, 2.2)."""

    _bits = 31

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(self._bits)
        self._between = False

    @property
    def finished(self) -> bool:
        """Whether the last member is complete."""
        return self._between

    def feed(self, data: bytes, room: int) -> bytes:
        """Decode the next bytes."""
        parts: list[bytes] = []
        left = room + 1
        while data and left > 0:
            if self._between:
                data = data.lstrip(b"\0")
                if not data:
                    break
                self._inflater, self._between = zlib.decompressobj(self._bits), False
            try:
                out = self._inflater.decompress(data, left)
            except zlib.error:
                raise CodingError(b"".join(parts)) from None
            parts.append(out)
            left -= len(out)
            self._between = self._inflater.eof
            data = self._inflater.unused_data if self._between else self._inflater.unconsumed_tail
        return b"".join(parts)


class Deflate:
    """deflate, which is zlib by the standard (RFC 9110, 8.4.1.2) but raw on some servers."""

    def __init__(self) -> None:
        self._head = b""
        self._inflater: zlib._Decompress | None = None

    @property
    def finished(self) -> bool:
        """Whether the last block was seen."""
        return self._inflater is not None and self._inflater.eof

    def feed(self, data: bytes, room: int) -> bytes:
        """Decode the next bytes; anything after the last block is ignored."""
        if self._inflater is None:
            self._head += data
            if len(self._head) < 2:
                return b""
            data, self._head = self._head, b""
            self._inflater = zlib.decompressobj(15 if _is_zlib(data) else -15)
        if self._inflater.eof:
            return b""
        try:
            return self._inflater.decompress(data, room + 1)
        except zlib.error:
            raise CodingError(b"") from None


class Brotli:
    """The content coding br (RFC 7932)."""

    def __init__(self) -> None:
        self._decompressor = brotli.Decompressor()

    @property
    def finished(self) -> bool:
        """Whether the stream is complete."""
        return bool(self._decompressor.is_finished())

    def feed(self, data: bytes, room: int) -> bytes:
        """Decode the next bytes."""
        parts: list[bytes] = []
        left = room + 1
        try:
            while left > 0 and not self._decompressor.is_finished():
                out = self._decompressor.process(data, output_buffer_limit=left)
                parts.append(out)
                left -= len(out)
                data = b""
                if self._decompressor.can_accept_more_data():
                    break
        except brotli.error:
            raise CodingError(b"".join(parts)) from None
        return b"".join(parts)


class Zstd:
    """zstd with any number of frames, skippable ones included (RFC 8878)."""

    def __init__(self) -> None:
        self._context = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._frame = self._context.decompressobj()
        self._fresh = True

    @property
    def finished(self) -> bool:
        """Whether the last frame is complete."""
        return self._fresh

    def feed(self, data: bytes, room: int) -> bytes:
        """Decode the next bytes."""
        parts: list[bytes] = []
        left = room + 1
        position = 0
        while position < len(data) and left > 0:
            step = data[position : position + _ZSTD_STEP]
            position += len(step)
            try:
                out = self._frame.decompress(step)
            except zstandard.ZstdError:
                raise CodingError(b"".join(parts)) from None
            parts.append(out)
            left -= len(out)
            self._fresh = False
            if self._frame.eof:
                position -= len(self._frame.unused_data)
                self._frame, self._fresh = self._context.decompressobj(), True
        return b"".join(parts)


def _is_zlib(head: bytes) -> bool:
    """Whether two bytes are a zlib header (RFC 1950, 2.2): method 8, window <= 32 KiB, check bits, no dictionary."""
    return head[0] & 0x0F == 8 and head[0] >> 4 <= 7 and (head[0] * 256 + head[1]) % 31 == 0 and not head[1] & 0x20
