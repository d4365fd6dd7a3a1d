"""Compressed segments: zstd frames of whole lines with a seek table, in zstd's seekable format.

Each frame contains about 34 MiB of lines and is compressed with a window of 16 MiB, because agents send their whole
conversation again in each turn; the footer line has a small frame of its own, so that it is read at once. The table
is a skippable frame at the end, so ``zstd -d`` can read the file too. Figures: docs/adr/0005-segment-compression.md.
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import attr
import zstandard

from ccsproxy.store.segments.files import Files, read_exactly
from ccsproxy.store.segments.segment import LONGEST_LINE

#: Bytes of lines at which a frame is full: more than half of a full segment, which thus has two of about the same
#: size, and no third one with only a few lines, which would compress badly. The window determines the reading speed:
#: 16 MiB of history fit into the processor's cache.
FRAME_SIZE = 34 << 20
_WINDOW_LOG = 24
_MAX_WINDOW = 1 << 27
_LEVEL = 3

_SKIPPABLE = 0x184D2A5E
_SEEKABLE = 0x8F92EAB1
_SKIP_HEAD = struct.Struct("<II")
_ENTRY = struct.Struct("<II")
_TABLE_END = struct.Struct("<IBI")
_PIECE = 1 << 20
#: Longer lines are compressed where they are; shorter ones are gathered, since each call has its own cost.
_LONG = 64 << 10


class PackedError(Exception):
    """A compressed segment cannot be read."""


@attr.frozen
class ZstdFrame:
    """One frame: its position in the file, and its range of bytes in the segment."""

    at: int
    length: int
    offset: int
    size: int


class FrameWriter:
    """Compresses lines into one frame as they arrive, so that only its window is in memory.

    :ivar size: uncompressed bytes so far.
    :ivar length: compressed bytes so far.
    """

    def __init__(self) -> None:
        self.size = self.length = 0
        self._buffer = bytearray()
        self._compressing: Any = None

    def add(self, data: bytes) -> Iterator[bytes]:
        """Process the next bytes, and yield the compressed bytes that are ready; releases the interpreter lock
        meanwhile.

        :param data: taken in pieces, so that neither a copy of a line of megabytes nor all that it becomes is held.
        """
        self.size += len(data)
        view = memoryview(data)
        if self._compressing is not None and len(data) >= _LONG:
            yield self._pass_on()
            for start in range(0, len(data), _PIECE):
                yield self._count(self._compressing.compress(view[start : start + _PIECE]))
            return
        for start in range(0, len(data), _PIECE):
            self._buffer += view[start : start + _PIECE]
            # Small frames are compressed in one go with their size known, as the footer's frame always is.
            if len(self._buffer) > _PIECE:
                yield self._pass_on()

    def finish(self) -> bytes:
        """Return the rest of the frame."""
        if self._compressing is None:
            return self._count(
                zstandard.ZstdCompressor(compression_params=_parameters(self.size)).compress(self._buffer)
            )
        return self._pass_on() + self._count(self._compressing.flush())

    def _pass_on(self) -> bytes:
        if self._compressing is None:
            long_window = _parameters(0, enable_ldm=True, window_log=_WINDOW_LOG)
            self._compressing = zstandard.ZstdCompressor(compression_params=long_window).compressobj()
        found = self._count(self._compressing.compress(self._buffer))
        self._buffer.clear()
        return found

    def _count(self, found: bytes) -> bytes:
        self.length += len(found)
        return found


def _parameters(size: int, **more: Any) -> zstandard.ZstdCompressionParameters:
    """Return the compression parameters.

    :param size: the uncompressed size in bytes, 0 if unknown.
    """
    return zstandard.ZstdCompressionParameters.from_level(
        _LEVEL, source_size=size, write_content_size=True, write_checksum=True, **more
    )


def seek_table(frames: list[tuple[int, int]]) -> bytes:
    """Build the seek table at the end of the file.

    :param frames: compressed and plain length of each frame.
    """
    entries = b"".join(_ENTRY.pack(*lengths) for lengths in frames)
    tail = _TABLE_END.pack(len(frames), 0, _SEEKABLE)
    return _SKIP_HEAD.pack(_SKIPPABLE, len(entries) + len(tail)) + entries + tail


class CompressedSegment:
    """An open compressed segment. Used by one thread at a time; close it after use.

    :raises OSError: if it cannot be opened.
    :raises PackedError: if it has no valid seek table.
    :ivar size: bytes of all its lines.
    """

    def __init__(self, path: Path, files: Files) -> None:
        self.path = path
        self._files = files
        self._fd = files.open_read(path)
        try:
            self._frames = self._read_table()
        except BaseException:
            files.close(self._fd)
            raise
        self.size = self._frames[-1].offset + self._frames[-1].size

    def __enter__(self) -> "CompressedSegment":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file that is read."""
        self._files.close(self._fd)

    def read_several(self, places: Iterable[tuple[int, int]]) -> dict[int, bytes]:
        """Return the bytes at several offsets; a frame is decompressed once for all of them that are in it.

        :param places: offset and length of lines.
        :return: by offset; those that do not exist, or are in a damaged frame, are omitted.
        """
        wanted, found = sorted(places), dict[int, bytes]()
        for frame in self._frames:
            inside = [
                (offset, length)
                for offset, length in wanted
                if frame.offset <= offset and offset + length <= frame.offset + frame.size
            ]
            try:
                found.update(self._several_within(frame, inside) if inside else ())
            except PackedError:
                continue
        return found

    def pieces(self, start: int = 0, damage: Callable[[str], None] | None = None) -> Iterator[tuple[int, bytes]]:
        """Yield the bytes from an offset on with their offsets, in pieces of up to 1 MiB.

        :param damage: called for each damaged frame, which is skipped: frames contain complete lines, so the next one
        starts with a line. A gap at the end is marked by an empty piece.
        :raises PackedError: if a frame is damaged and there is no callback.
        """
        for frame in self._frames:
            if frame.offset + frame.size <= start:
                continue
            at = frame.offset
            try:
                for piece in self._unpack(frame):
                    if at + len(piece) > start:
                        yield max(at, start), piece[max(start - at, 0) :]
                    at += len(piece)
            except PackedError as reason:
                if damage is None:
                    raise
                damage(str(reason))
                yield frame.offset + frame.size, b""

    @property
    def footer_at(self) -> int:
        """The offset of the last frame, which contains the footer."""
        return self._frames[-1].offset

    def last_frame(self) -> tuple[int, bytes]:
        """Return the offset and the bytes of the last frame, which contains the footer."""
        frame = self._frames[-1]
        return frame.offset, b"".join(self._unpack(frame))

    def _several_within(self, frame: ZstdFrame, places: list[tuple[int, int]]) -> Iterator[tuple[int, bytes]]:
        """Yield the bytes at offsets in a frame; offsets are sorted and do not overlap."""
        pieces = self._unpack(frame)
        window, begin = bytearray(), frame.offset
        for offset, length in places:
            while begin + len(window) < offset + length:
                skip = min(offset - begin, len(window))
                del window[:skip]
                begin += skip
                window += next(pieces, b"")
            yield offset, bytes(window[offset - begin : offset - begin + length])

    def _unpack(self, frame: ZstdFrame) -> Iterator[bytes]:
        packed = self._exactly(frame.length, frame.at)
        reader = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).stream_reader(packed)
        size = 0
        try:
            while size <= frame.size and (piece := reader.read(_PIECE)):
                size += len(piece)
                yield piece
        except zstandard.ZstdError as error:
            raise PackedError(f"{self.path} is damaged: {error}") from None
        if size != frame.size:
            raise PackedError(f"{self.path} is damaged: a frame has the wrong length")

    def _read_table(self) -> list[ZstdFrame]:
        length = self._files.size(self._fd)
        count, _, magic = _TABLE_END.unpack(self._exactly(_TABLE_END.size, length - _TABLE_END.size))
        start = length - _TABLE_END.size - count * _ENTRY.size - _SKIP_HEAD.size
        if magic != _SEEKABLE or not count or start < 0:
            raise PackedError(f"{self.path} has no seek table")
        table = self._exactly(length - start, start)
        if _SKIP_HEAD.unpack_from(table) != (_SKIPPABLE, len(table) - _SKIP_HEAD.size):
            raise PackedError(f"{self.path} has a damaged seek table")
        frames, at, offset = [], 0, 0
        for number in range(count):
            packed, plain = _ENTRY.unpack_from(table, _SKIP_HEAD.size + number * _ENTRY.size)
            # A forged table could ask for any amount of memory; no frame of ours is longer than a full one plus one
            # line.
            if plain > FRAME_SIZE + LONGEST_LINE:
                raise PackedError(f"{self.path} has a frame that unpacks to {plain} bytes, more than ours ever do")
            frames.append(ZstdFrame(at, packed, offset, plain))
            at, offset = at + packed, offset + plain
        # Frames and table must fill the file: otherwise bytes are missing, or foreign ones were inserted.
        if at != start:
            raise PackedError(f"{self.path} does not fit its seek table")
        return frames

    def _exactly(self, length: int, offset: int) -> bytes:
        if offset < 0:
            raise PackedError(f"{self.path} is too short")
        data = read_exactly(self._files, self._fd, length, offset)
        if len(data) != length:
            raise PackedError(f"{self.path} is cut")
        return data
