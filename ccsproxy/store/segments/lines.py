"""The lines of the segments, as readers see them: good ones only, never half of one, wherever they are by now.

Files are only looked at: nothing is locked, and a file that goes away while it is read is just gone. A segment that
is compressed meanwhile is read on from its other file, since offsets are those of the plain segment.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import attr

from ccsproxy.exchange import codec
from ccsproxy.store.segments.compressed import PackedError, PackedSegment
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.segment import compressed_path, list_segments, plain_path

#: How much is read at once, in bytes.
CHUNK = 1 << 20


@attr.frozen
class SegmentLine:
    """A line of a segment; ``data`` is its JSON without newline and checksum, empty where the line is damaged.

    :ivar offset: where it begins, in bytes of the plain segment.
    :ivar length: its length there, newline included.
    """

    offset: int
    length: int
    data: bytes


class SegmentLines:
    """Reads the segments of a data dir."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._files = Files()

    def names(self) -> list[str]:
        """Return the segments' names, the oldest first."""
        return [name for name, packed in list_segments(self._data_dir)]

    def exists(self, name: str) -> bool:
        """Tell whether a segment is still there."""
        return plain_path(self._data_dir, name).exists() or compressed_path(self._data_dir, name).exists()

    def closed(self, name: str) -> bool:
        """Tell whether a segment is compressed, so that nothing will be added to it."""
        return not plain_path(self._data_dir, name).exists() and compressed_path(self._data_dir, name).exists()

    def size(self, name: str) -> int | None:
        """Return the bytes of the file of a plain segment, null for one that is compressed or gone."""
        try:
            return plain_path(self._data_dir, name).stat().st_size
        except OSError:
            return None

    def plain_size(self, name: str) -> int | None:
        """Return the bytes of a segment's lines, null for one that is gone or cannot be read."""
        size = self.size(name)
        if size is None:
            try:
                with PackedSegment(compressed_path(self._data_dir, name), self._files) as packed:
                    size = packed.size
            except (OSError, PackedError):
                return None
        return size

    def bytes_on_disk(self, name: str) -> int:
        """Return the bytes that a segment takes on the disk."""
        paths = (plain_path(self._data_dir, name), compressed_path(self._data_dir, name))
        return sum(path.stat().st_size for path in paths if path.exists())

    def scan(self, name: str, start: int = 0) -> Iterator[SegmentLine]:
        """Yield the whole lines of a segment from an offset on; damaged ones are yielded without their data."""
        offset, rest = start, [b""]
        for piece in self._pieces(name, start):
            head, newline, tail = piece.rpartition(b"\n")
            if not newline:
                rest.append(piece)
                continue
            for text in b"".join([*rest, head]).split(b"\n"):
                line = text + b"\n"
                yield SegmentLine(offset, len(line), codec.strip(line) if codec.verify(line) else b"")
                offset += len(line)
            rest = [tail]

    def at(self, name: str, offset: int, length: int) -> bytes | None:
        """Return the JSON of one line, null when the segment is gone or the line there is not whole."""
        line = self._plain_at(name, offset, length)
        if line is None:
            line = self._packed_at(name, offset, length)
        return codec.strip(line) if line is not None and codec.verify(line) else None

    def several(self, name: str, places: Sequence[tuple[int, int]]) -> dict[int, bytes]:
        """Return the JSON of lines of one segment, which costs less than reading each alone when it is compressed.

        :param places: their offsets and lengths.
        :return: by offset; lines that are not there or not whole are left out.
        """
        if plain_path(self._data_dir, name).exists():
            found = {offset: self._plain_at(name, offset, length) for offset, length in places}
        else:
            found = dict(self._several_packed(name, places))
        return {offset: codec.strip(line) for offset, line in found.items() if line and codec.verify(line)}

    def _several_packed(self, name: str, places: Sequence[tuple[int, int]]) -> dict[int, bytes]:
        try:
            with PackedSegment(compressed_path(self._data_dir, name), self._files) as packed:
                return packed.read_several(places)
        except (OSError, PackedError):
            return {}

    def _plain_at(self, name: str, offset: int, length: int) -> bytes | None:
        try:
            with plain_path(self._data_dir, name).open("rb") as file:
                file.seek(offset)
                return file.read(length)
        except OSError:
            return None

    def _packed_at(self, name: str, offset: int, length: int) -> bytes | None:
        try:
            with PackedSegment(compressed_path(self._data_dir, name), self._files) as packed:
                return packed.read(offset, length)
        except (OSError, PackedError):
            return None

    def _pieces(self, name: str, start: int) -> Iterator[bytes]:
        """Yield a segment's bytes from an offset on; they end where they cannot be read."""
        try:
            yield from self._plain_pieces(name, start)
        except FileNotFoundError:
            yield from self._packed_pieces(name, start)
        except OSError:
            return

    def _plain_pieces(self, name: str, start: int) -> Iterator[bytes]:
        with plain_path(self._data_dir, name).open("rb") as file:
            file.seek(start)
            while piece := file.read(CHUNK):
                yield piece

    def _packed_pieces(self, name: str, start: int) -> Iterator[bytes]:
        try:
            with PackedSegment(compressed_path(self._data_dir, name), self._files) as packed:
                passed = 0
                for piece in packed.pieces() if start < packed.size else ():
                    if passed + len(piece) > start:
                        yield piece[max(start - passed, 0) :]
                    passed += len(piece)
        except (OSError, PackedError):
            return
