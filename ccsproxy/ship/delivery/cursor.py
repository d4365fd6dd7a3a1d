"""Continuing to read a segment after the previous batch, without decompressing again what precedes it."""

from collections.abc import Callable, Iterator
from pathlib import Path

from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.lines import SegmentLine, lines, segment_pieces
from ccsproxy.store.segments.segment import compressed_path, plain_path


class LineCursor:
    """The read position for one target. Used by one thread at a time.

    Invariant: a file is kept open only if nothing will be appended to it, that is, if it is compressed; rewriting
    such a segment creates one with another name.

    :param damaged: called for what cannot be read.
    """

    def __init__(self, data_dir: Path, files: Files, damaged: Callable[[str], None]) -> None:
        self._data_dir, self._files, self._damaged = data_dir, files, damaged
        self._place: tuple[str, int] | None = None
        self._lines: Iterator[SegmentLine] = iter(())
        self._held: SegmentLine | None = None

    def is_at(self, name: str, offset: int) -> bool:
        """Tell whether reading would continue there, in the file whose previous lines it has read."""
        return self._place == (name, offset)

    def lines(self, name: str, start: int) -> Iterator[SegmentLine]:
        """Yield the complete lines of a segment from an offset on; the line at which the caller stops is yielded
        again.

        :raises FileNotFoundError: if there is no such segment; other errors as in `segment_pieces`.
        """
        if not self.is_at(name, start):
            self.close()
            self._lines = lines(segment_pieces(self._files, self._data_dir, name, start, self._damaged), start)
            self._place = (name, start) if self._stays(name) else None
        try:
            while (line := self._held or next(self._lines, None)) is not None:
                self._held = line
                if line.ended:
                    yield line
                self._held = None
                if self._place is not None:
                    self._place = (name, line.end)
        except Exception:
            # A read error must not look like the end.
            self.close()
            raise
        self.close()

    def close(self) -> None:
        """Close the segment that is open."""
        self._lines, self._place, self._held = iter(()), None, None

    def _stays(self, name: str) -> bool:
        """Tell whether nothing will be appended to a segment: checked before opening it, since it may be compressed
        meanwhile.
        """
        plain, packed = plain_path(self._data_dir, name), compressed_path(self._data_dir, name)
        return packed.exists() and not plain.exists()
