"""Reads segment lines, whether the file is plain or compressed, growing, damaged, or foreign.

Files are only looked at: nothing is locked, links are not followed, a FIFO is not waited for. A line is never kept
longer than `LONGEST_LINE`, whatever a file unpacks to. A segment that is compressed while it is read is read on from
its other file, since offsets are those of the plain segment.
"""

import errno
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import cast

import msgspec

from ccsproxy.exchange import codec
from ccsproxy.store.segments.compressed import CompressedSegment, PackedError
from ccsproxy.store.segments.files import Files, read_exactly
from ccsproxy.store.segments.segment import LONGEST_LINE, compressed_path, list_segments, plain_path

#: How much is read at once, in bytes.
CHUNK = 1 << 20

#: Bytes of a segment and their offset in it, uncompressed.
Piece = tuple[int, bytes]


class SegmentLine(msgspec.Struct, frozen=True, gc=False):
    """A piece of a segment up to a newline, or a part of it that cannot be read.

    :ivar offset: where it begins, in bytes of the uncompressed segment.
    :ivar length: its length there, newline included.
    :ivar data: the bytes, empty where they are too many or not readable. Those of a long line are a ``bytearray``
        that nobody changes, of which there is no copy.
    :ivar good: whether it verifies. Only the last line may lack its newline, and is not good then.
    """

    offset: int
    length: int
    data: bytes
    good: bool

    @property
    def end(self) -> int:
        """Where the next line begins."""
        return self.offset + self.length

    @property
    def json(self) -> bytes:
        """The JSON of a good line, without newline and checksum."""
        return codec.strip(self.data)

    @property
    def ended(self) -> bool:
        """Whether nothing will be added to it: it has its newline, or lies before readable bytes."""
        return not self.data or self.data[-1] == 0x0A


def lines(pieces: Iterable[Piece], start: int = 0) -> Iterator[SegmentLine]:
    """Cut the pieces of a segment into lines and check each; what no piece holds is a line without data.

    :param start: where the first piece should begin.
    """
    begin = end = start  # the line that is not whole yet
    parts: bytearray | None = bytearray()  # its bytes, null when they are too many
    for at, piece in pieces:
        if at != end:
            yield SegmentLine(begin, at - begin, b"", good=False)
            begin, parts = at, bytearray()
        end = at + len(piece)
        head, newline, tail = piece.rpartition(b"\n")
        if newline and parts is None:
            first = piece.index(b"\n") + 1
            yield SegmentLine(begin, at + first - begin, b"", good=False)
            if len(head) >= first:
                yield from _whole(at + first, head[first:] + b"\n")
            begin, parts = end - len(tail), bytearray(tail)
        elif newline and parts is not None:
            at, begin = begin, end - len(tail)
            parts += memoryview(piece)[: len(head) + 1]
            text, parts = parts, bytearray(tail)
            yield from _whole(at, text)
        elif parts is not None:
            parts += piece
            parts = None if end - begin > LONGEST_LINE else parts
    if end > begin:
        yield SegmentLine(begin, end - begin, bytes(parts or b""), good=False)


def _whole(offset: int, text: bytes | bytearray) -> Iterator[SegmentLine]:
    """Yield the lines of a text; a long one that is alone is not copied."""
    alone = len(text) > CHUNK and text.find(b"\n") == len(text) - 1
    for data in (
        (cast(bytes, text),) if alone else [each + b"\n" for each in bytes(memoryview(text)[:-1]).split(b"\n")]
    ):
        long = len(data) > LONGEST_LINE
        yield SegmentLine(offset, len(data), b"" if long else data, not long and codec.verify(data))
        offset += len(data)


def file_pieces(files: Files, path: Path, start: int = 0) -> Iterator[Piece]:
    """Yield the bytes of a plain file from an offset on.

    :raises OSError: if it cannot be read.
    """
    fd = files.open_read(path)
    try:
        while piece := files.read(fd, CHUNK, start):
            yield start, piece
            start += len(piece)
    finally:
        files.close(fd)


def segment_pieces(
    files: Files, data_dir: Path, name: str, start: int = 0, damage: Callable[[str], None] | None = None
) -> Iterator[Piece]:
    """Yield the uncompressed bytes of a segment from an offset on, wherever they are.

    :param damage: told of each part that cannot be read and is passed over; without it, that is an error.
    :raises OSError: if it cannot be read.
    :raises PackedError: if its compressed file is damaged.
    """
    try:
        yield from file_pieces(files, plain_path(data_dir, name), start)
    except FileNotFoundError:
        with CompressedSegment(compressed_path(data_dir, name), files) as packed:
            yield from packed.pieces(start, damage)


class SegmentLines:
    """The segments of a data dir, as readers see them: good lines wherever they are by now.

    :ivar skipped: for each file that cannot be read, why; for people.
    """

    def __init__(self, data_dir: Path, files: Files | None = None) -> None:
        self.skipped: dict[str, str] = {}
        self._refused: set[str] = set()
        self._data_dir = data_dir
        self._files = files or Files()

    def names(self) -> list[str]:
        """Return the segments' names, the oldest first."""
        return [name for name, packed in list_segments(self._data_dir)]

    def closed(self, name: str) -> bool:
        """Tell whether a segment is compressed, so that nothing will be added to it."""
        return not plain_path(self._data_dir, name).exists() and compressed_path(self._data_dir, name).exists()

    def size(self, name: str) -> int | None:
        """Return the bytes of the file of a plain segment, null for one that is compressed or gone."""
        try:
            return plain_path(self._data_dir, name).lstat().st_size
        except OSError:
            return None

    def plain_size(self, name: str) -> int | None:
        """Return the bytes of a segment's lines, null for one that is gone or cannot be read."""
        size = self.size(name)
        if size is not None:
            return size
        try:
            with CompressedSegment(compressed_path(self._data_dir, name), self._files) as packed:
                return packed.size
        except (OSError, PackedError) as reason:
            self._skip(name, reason)
            return None

    def bytes_on_disk(self, name: str) -> int:
        """Return the bytes that a segment takes on the disk."""
        return segment_bytes(self._data_dir, name)

    def scan(self, name: str, start: int = 0) -> Iterator[SegmentLine]:
        """Yield the whole lines of a segment from an offset on, past what is damaged; they end where they cannot."""
        try:
            for line in lines(segment_pieces(self._files, self._data_dir, name, start, self._damage(name)), start):
                if line.ended:
                    yield line
            self.skipped.pop(name, None) if not start else None
        except (OSError, PackedError) as reason:
            self._skip(name, reason)

    def at(self, name: str, offset: int, length: int) -> bytes | None:
        """Return the JSON of one line, null when the segment is gone or the line there is not whole."""
        return self.several(name, [(offset, length)]).get(offset)

    def several(self, name: str, places: Sequence[tuple[int, int]]) -> dict[int, bytes]:
        """Return the JSON of lines of one segment, which costs less than reading each alone when it is compressed.

        :param places: their offsets and lengths.
        :return: by offset; lines that are not there or not whole are left out.
        """
        return {offset: codec.strip(line) for offset, line in self.whole(name, places).items()}

    def whole(self, name: str, places: Sequence[tuple[int, int]]) -> dict[int, bytes]:
        """Return lines as `several` does, but as they are, newline and checksum included: without a copy."""
        try:
            found = self._read(name, [each for each in places if each[1] <= LONGEST_LINE])
        except (OSError, PackedError) as reason:
            self._skip(name, reason)
            return {}
        return {offset: line for offset, line in found.items() if codec.verify(line)}

    def _read(self, name: str, places: Sequence[tuple[int, int]]) -> dict[int, bytes]:
        try:
            fd = self._files.open_read(plain_path(self._data_dir, name))
        except FileNotFoundError:
            with CompressedSegment(compressed_path(self._data_dir, name), self._files) as packed:
                return packed.read_several(places)
        try:
            return {offset: read_exactly(self._files, fd, length, offset) for offset, length in places}
        finally:
            self._files.close(fd)

    def _damage(self, name: str) -> Callable[[str], None]:
        return lambda reason: self.skipped.__setitem__(name, reason)

    def _skip(self, name: str, reason: Exception) -> None:
        # Retention and readers do not wait for one another.
        if getattr(reason, "errno", None) != errno.ENOENT:  # gone is not damaged
            self.skipped[name] = str(reason)
            if isinstance(reason, OSError):
                self._refused.add(name)

    def read_to_the_end(self, name: str) -> None:
        """Hear that all of a segment has been read that the disk did not give before; damage stays damage."""
        if name in self._refused:
            self._refused.discard(name)
            self.skipped.pop(name, None)


def segment_bytes(data_dir: Path, name: str) -> int:
    """Return the bytes that a segment's files take on the disk, 0 for one that is gone."""
    total = 0
    for path in (plain_path(data_dir, name), compressed_path(data_dir, name)):
        try:
            total += path.lstat().st_size
        except OSError:
            pass
    return total
