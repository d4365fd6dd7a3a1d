"""Reading a segment on from where the batch before ended, without unpacking again what lies before."""

from collections.abc import Callable, Iterator
from pathlib import Path

from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.lines import SegmentLine, lines, segment_pieces
from ccsproxy.store.segments.segment import compressed_path, plain_path


class LineCursor:
    """Where one target's reading is. Used by one thread at a time.

    Invariant: a file is kept open only where nothing is added to it any more, that is, where it is compressed; what
    is cut out of such a segment goes into one of another name.

    :param damaged: told of what cannot be read.
    """

    def __init__(self, data_dir: Path, files: Files, damaged: Callable[[str], None]) -> None:
        self._data_dir, self._files, self._damaged = data_dir, files, damaged
        self._place: tuple[str, int] | None = None
        self._lines: Iterator[SegmentLine] = iter(())
        self._held: SegmentLine | None = None

    def is_at(self, name: str, offset: int) -> bool:
        """Tell whether it would go on there, in the very file whose lines before that it has read."""
        return self._place == (name, offset)

    def lines(self, name: str, start: int) -> Iterator[SegmentLine]:
        """Yield the whole lines of a segment from an offset on; one at which the caller ends comes again.

        :raises FileNotFoundError: when there is no such segment; other errors as of `segment_pieces`.
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
            # What could not be read now must not look as if it were the end.
            self.close()
            raise
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._lines, self._place, self._held = iter(()), None, None

    def _stays(self, name: str) -> bool:
        """Tell whether nothing will be added to a segment: asked before it is opened, since it may be packed now."""
        plain, packed = plain_path(self._data_dir, name), compressed_path(self._data_dir, name)
        return packed.exists() and not plain.exists()
