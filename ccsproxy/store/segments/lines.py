"""Reads segment lines, whether the file is plain or compressed, growing, damaged, or foreign.

Files are only read: nothing is locked, links are not followed, and a FIFO does not block. A line longer than
`LONGEST_LINE` is never kept, whatever a file decompresses to. If a segment is compressed while it is being read,
reading continues in its compressed file, since offsets are those of the plain segment.
"""

import errno
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import cast

import msgspec

from ccsproxy.exchange import codec
from ccsproxy.store.segments.compressed import CompressedSegment, PackedError
from ccsproxy.store.segments.files import Files, read_exactly
from ccsproxy.store.segments.line_apart import LineApart
from ccsproxy.store.segments.segment import LONGEST_LINE, compressed_path, list_segments, plain_path

#: How many bytes are read at once.
CHUNK = 1 << 20

#: Bytes of a segment and their offset in it, uncompressed.
Piece = tuple[int, bytes]


class SegmentLine(msgspec.Struct, frozen=True, gc=False):
    """A piece of a segment up to a newline, or a part of it that cannot be read.

    :ivar offset: its offset in the uncompressed segment, in bytes.
    :ivar length: its length there, newline included.
    :ivar data: the bytes, empty if they are too many or unreadable. Those of a long line are a ``bytearray`` that is
    never modified, to avoid a copy.
    :ivar good: whether it passes verification. Only the last line may lack its newline, and is not good then.
    :ivar apart: the items of its request's body, where the writer of the line has told them.
    """

    offset: int
    length: int
    data: bytes
    good: bool
    apart: LineApart | None = None

    @property
    def end(self) -> int:
        """The offset of the next line."""
        return self.offset + self.length

    @property
    def json(self) -> bytes:
        """The JSON of a good line, without newline and checksum."""
        return codec.strip(self.data)

    @property
    def ended(self) -> bool:
        """Whether nothing will be appended to it: it has its newline, or precedes readable bytes."""
        return not self.data or self.data[-1] == 0x0A


def lines(pieces: Iterable[Piece], start: int = 0) -> Iterator[SegmentLine]:
    """Split the pieces of a segment into lines and verify each; a range that is in no piece becomes a line without
    data.

    :param start: the expected offset of the first piece.
    """
    begin = end = start  # the line that is not complete yet
    parts: bytearray | None = bytearray()  # its bytes, null if they are too many
    for at, piece in pieces:
        if at != end:
            yield SegmentLine(begin, at - begin, b"", good=False)
            begin, parts = at, bytearray()
        end = at + len(piece)
        whole = piece.rfind(b"\n") + 1
        if whole and parts is None:
            first = piece.index(b"\n") + 1
            yield SegmentLine(begin, at + first - begin, b"", good=False)
            yield from _whole(at + first, piece[first:whole])
            begin, parts = at + whole, bytearray(memoryview(piece)[whole:])
        elif whole and parts is not None:
            at, begin = begin, at + whole
            parts += memoryview(piece)[:whole]
            text, parts = parts, bytearray(memoryview(piece)[whole:])
            yield from _whole(at, text)
        elif parts is not None:
            parts += piece
            parts = None if end - begin > LONGEST_LINE else parts
    if end > begin:
        yield SegmentLine(begin, end - begin, bytes(parts or b""), good=False)


def _whole(offset: int, text: bytes | bytearray) -> Iterator[SegmentLine]:
    """Yield the lines of a text that ends with one; a long line at its beginning is not copied."""
    end = text.find(b"\n") + 1
    if end > CHUNK and isinstance(text, bytearray):
        # Of a line of megabytes there is one copy: the few lines behind it are cut off instead.
        rest = bytes(memoryview(text)[end:])
        del text[end:]
        yield _line(offset, cast(bytes, text))
        offset, text = offset + end, rest
    begin, view = 0, memoryview(text)
    while end := text.find(b"\n", begin) + 1:
        yield _line(offset + begin, bytes(view[begin:end]))
        begin = end


def _line(offset: int, data: bytes) -> SegmentLine:
    long = len(data) > LONGEST_LINE
    return SegmentLine(offset, len(data), b"" if long else data, not long and codec.verify(data))


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
    """Yield the uncompressed bytes of a segment from an offset on, from whichever file has them.

    :param damage: called for each part that cannot be read and is skipped; without it, that is an error.
    :raises OSError: if it cannot be read.
    :raises PackedError: if its compressed file is damaged.
    """
    try:
        yield from file_pieces(files, plain_path(data_dir, name), start)
    except FileNotFoundError:
        with CompressedSegment(compressed_path(data_dir, name), files) as packed:
            yield from packed.pieces(start, damage)


class SegmentLines:
    """The segments of a data directory as seen by readers: good lines, from whichever file has them.

    :ivar skipped: for each unreadable file the reason, for people.
    """

    def __init__(self, data_dir: Path, files: Files | None = None) -> None:
        self.skipped: dict[str, str] = {}
        self._refused: set[str] = set()
        self._data_dir = data_dir
        self._files = files or Files()

    def names(self) -> list[str]:
        """Return the segments' names, oldest first."""
        return [name for name, packed in list_segments(self._data_dir)]

    def closed(self, name: str) -> bool:
        """Tell whether a segment is compressed, so that nothing will be appended to it."""
        return not plain_path(self._data_dir, name).exists() and compressed_path(self._data_dir, name).exists()

    def size(self, name: str) -> int | None:
        """Return the size of a plain segment's file in bytes, null if it is compressed or gone."""
        try:
            return plain_path(self._data_dir, name).lstat().st_size
        except OSError:
            return None

    def has_line(self, name: str, start: int) -> bool:
        """Tell whether a plain segment has a whole line from an offset on; nothing of it is held."""
        try:
            return any(
                b"\n" in piece for _, piece in file_pieces(self._files, plain_path(self._data_dir, name), start)
            )
        except OSError:
            return True  # whoever reads it meets the same trouble, and says so

    def plain_size(self, name: str) -> int | None:
        """Return the size of a segment's lines in bytes, null if it is gone or unreadable."""
        size = self.size(name)
        if size is not None:
            return size
        try:
            with CompressedSegment(compressed_path(self._data_dir, name), self._files) as packed:
                return packed.size
        except (OSError, PackedError) as reason:
            self._skip(name, reason)
            return None

    def exists(self, name: str) -> bool:
        """Tell whether a segment has any file."""
        return segment_exists(self._data_dir, name)

    def bytes_on_disk(self, name: str) -> int:
        """Return how many bytes a segment takes on disk."""
        return segment_bytes(self._data_dir, name)

    def scan(self, name: str, start: int = 0) -> Iterator[SegmentLine]:
        """Yield the complete lines of a segment from an offset on, skipping damage; stops where nothing more can be
        read.
        """
        try:
            for line in lines(segment_pieces(self._files, self._data_dir, name, start, self._damage(name)), start):
                if line.ended:
                    yield line
            self.skipped.pop(name, None) if not start else None
        except (OSError, PackedError) as reason:
            self._skip(name, reason)

    def at(self, name: str, offset: int, length: int) -> bytes | None:
        """Return the JSON of one line, null if the segment is gone or the line is incomplete."""
        return self.several(name, [(offset, length)]).get(offset)

    def several(self, name: str, places: Sequence[tuple[int, int]]) -> dict[int, bytes]:
        """Return the JSON of several lines of a segment, cheaper than reading each separately if it is compressed.

        :param places: their offsets and lengths.
        :return: by offset; missing or incomplete lines are omitted.
        """
        return {offset: codec.strip(line) for offset, line in self.whole(name, places).items()}

    def whole(self, name: str, places: Sequence[tuple[int, int]]) -> dict[int, bytes]:
        """Return lines like `several`, but unchanged, with newline and checksum: without a copy."""
        try:
            found = self._read(name, [each for each in places if each[1] <= LONGEST_LINE])
        except (OSError, PackedError) as reason:
            self._skip(name, reason)
            return {}
        return {offset: line for offset, line in found.items() if codec.verify(line)}

    def one(self, name: str, offset: int, length: int) -> bytes | None:
        """Return the JSON of one line, for code that must not take a failing disk for a record that is gone.

        :return: null if the segment is gone, or the line is incomplete.
        :raises OSError: if it cannot be read; likewise `PackedError`.
        """
        try:
            line = self._read(name, [(offset, length)]).get(offset, b"") if length <= LONGEST_LINE else b""
        except FileNotFoundError:
            return None
        return codec.strip(line) if codec.verify(line) else None

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
        # Retention and readers do not wait for each other.
        if getattr(reason, "errno", None) != errno.ENOENT:  # gone is not damaged
            self.skipped[name] = str(reason)
            if isinstance(reason, OSError):
                self._refused.add(name)

    def read_to_the_end(self, name: str) -> None:
        """Note that a segment which could not be read before has been read completely; damage remains noted."""
        if name in self._refused:
            self._refused.discard(name)
            self.skipped.pop(name, None)


def segment_exists(data_dir: Path, name: str) -> bool:
    """Tell whether a segment has any file."""
    # The compressed one last: compression creates it before it removes the plain one.
    return plain_path(data_dir, name).exists() or compressed_path(data_dir, name).exists()


def segment_bytes(data_dir: Path, name: str) -> int:
    """Return how many bytes a segment's files take on disk, 0 if it is gone."""
    total = 0
    for path in (plain_path(data_dir, name), compressed_path(data_dir, name)):
        try:
            total += path.lstat().st_size
        except OSError:
            pass
    return total
