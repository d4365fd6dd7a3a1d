"""Brings the index up to date with the segments: removed ones are dropped, new lines are read from a mark on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from ccsproxy.store.index.entries import Mark
from ccsproxy.store.index.file import IndexMoved, remove_all
from ccsproxy.store.index.fresh_lines import FreshLines
from ccsproxy.store.index.index import Index
from ccsproxy.store.segments.lines import SegmentLine, SegmentLines
from ccsproxy.store.segments.segment import STAMP
from ccsproxy.store.summary import Price, no_price

#: Lines and bytes of one transaction.
BATCH_LINES, BATCH_BYTES = 2000, 8 << 20

#: Called after each batch with its number of lines and bytes.
Progress = Callable[[int, int], None]


def no_progress(lines: int, size: int) -> None:
    """Ignore the progress of indexing."""


def to_the_end() -> bool:
    """Go on in any case."""
    return True


class Follower:
    """Follows the segments of a data dir for one index.

    :param go_on: called before each batch; if it returns false, `catch_up` ends early.
    :param fresh: lines that need not be read from disk.
    """

    def __init__(
        self,
        index: Index,
        lines: SegmentLines,
        progress: Progress = no_progress,
        go_on: Callable[[], bool] = to_the_end,
        fresh: FreshLines | None = None,
    ) -> None:
        self._index = index
        self._lines = lines
        self._progress = progress
        self._go_on = go_on
        self._fresh = fresh or FreshLines()

    def catch_up(self) -> None:
        """Take in everything that is written by now.

        :raises IndexMoved: when the index, which was new, took the place of another, and is to be opened again.
        """
        names = self._lines.names()
        marks = self._index.marks()
        gone = marks.keys() - set(names)
        begun = {name[:STAMP] for name in gone}
        replacing = [name for name in names if name not in marks and name[:STAMP] in begun]

        def replace() -> None:
            # Before anything is added: a rewritten segment has the same requests under another name, and would count
            # twice.
            for name in gone:
                self._drop(name)
            self._follow_all(replacing, marks)

        # At once, for readers would miss what is in both.
        self._index.together(replace) if replacing else replace()
        self._follow_all([name for name in names if name not in replacing], marks)
        # Once after all of them, because packing is expensive, and later segments may repeat the texts of a lost one.
        if gone:
            self._index.tidy(self._lines)
        if self._index.new and self._go_on():
            self._index.settle()

    def _follow_all(self, names: Sequence[str], marks: Mapping[str, Mark]) -> None:
        for name in names:
            if self._go_on():
                self._follow(name, marks.get(name))

    def _follow(self, name: str, mark: Mark | None) -> None:
        """Index what a segment has after its mark."""
        if mark is not None and (mark.closed or self._lines.plain_size(name) == mark.done):
            if not mark.closed and self._lines.closed(name):  # which could not be read when its last line was
                self._index.take(mark, (), mark.done, closed=True)
            self._lines.read_to_the_end(name)
            return
        mark = mark or self._index.mark(name)
        # Checked before reading: a segment that is closed while it is read may have received more lines meanwhile.
        closed = self._lines.closed(name)
        while fresh := self._fresh.take(name, mark.done):
            begin = mark.done
            self._index.take(mark, fresh, fresh[-1].end)
            self._progress(len(fresh), mark.done - begin)
            if not self._go_on():
                return
        # A line of many megabytes is not read again and again while it is being written.
        if not closed and (self._lines.plain_size(name) == mark.done or not self._lines.has_line(name, mark.done)):
            return
        lines = self._lines.scan(name, mark.done)
        while batch := _batch(lines):
            end = batch[-1].end
            good = [line for line in batch if line.good]
            begin = mark.done
            self._index.take(mark, good, end, len(batch) - len(good))
            self._progress(len(good), end - begin)
            if not self._go_on():
                return
        if closed and mark.done == self._lines.plain_size(name):  # else it could not be read to its end this time
            self._index.take(mark, (), mark.done, closed=True)

    def _drop(self, name: str) -> None:
        """Remove a segment that no longer exists, and index its texts again for other requests that contain them."""
        for key in self._index.remove(name):
            place = self._index.location(key)
            line = self._lines.at(*place) if place else None
            if line is not None:
                self._index.restore_texts(key, line)


def bring_up(
    data_dir: Path,
    price: Price = no_price,
    progress: Progress = no_progress,
    squeeze: bool = False,
    segments: SegmentLines | None = None,
) -> str:
    """Bring the index of a data dir without a writer up to its segments.

    :param squeeze: also erase deleted content from the index's files.
    :param segments: reads the segments, and knows what it had to skip.
    :return: why that was not possible completely; empty if it was.
    """
    lines = segments or SegmentLines(data_dir)
    while True:
        index = Index(data_dir, price)
        index.facts.with_rows = True
        try:
            Follower(index, lines, progress).catch_up()
            index.facts.make(lines, to_the_end)
            index.rest()
            return index.squeeze(lines) if squeeze else ""
        except IndexMoved:
            continue
        finally:
            index.close()


def rebuild(data_dir: Path, price: Price = no_price, progress: Progress = no_progress) -> dict[str, str]:
    """Rebuild the index of a data dir without a writer.

    :return: the segments that could not be read completely, with the reason.
    """
    remove_all(data_dir)
    segments = SegmentLines(data_dir)
    bring_up(data_dir, price, progress, segments=segments)
    return segments.skipped


def _batch(lines: Iterator[SegmentLine]) -> list[SegmentLine]:
    """Return the lines of one transaction."""
    batch: list[SegmentLine] = []
    size = 0
    for line in islice(lines, BATCH_LINES):
        batch.append(line)
        size += line.length
        if size >= BATCH_BYTES:
            break
    return batch
