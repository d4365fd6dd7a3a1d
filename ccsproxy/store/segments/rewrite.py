"""Rewrites a closed segment with fewer lines, to remove a session or to save starred ones from retention.

The new segment names the old one in its footer. It appears atomically, by a rename; from then on a start that finds
both removes the old one, so that after a crash between any two steps the records exist once, never twice and never
not at all.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from ccsproxy.exchange import codec
from ccsproxy.exchange.ids import iso_time
from ccsproxy.store.segments.compress import verify_packed, write_packed
from ccsproxy.store.segments.files import Files, remove_if_there
from ccsproxy.store.segments.lines import SegmentLine, segment_exists
from ccsproxy.store.segments.scan import all_lines, head_of
from ccsproxy.store.segments.segment import Header, aside_path, compressed_path, plain_path, segments_dir
from ccsproxy.store.segments.tally import Tally

Keep = Callable[[codec.RecordHead], bool]
#: Returns a line as it should be from now on.
Change = Callable[[bytes], bytes]


def _unchanged(line: bytes) -> bytes:
    return line


class Rewriter:
    """Rewrites and removes closed segments.

    :param header: makes the header of a new segment with a name.
    :param clock: seconds since the epoch.
    :param random: source of the ids in the new names.
    """

    def __init__(
        self,
        files: Files,
        data_dir: Path,
        header: Callable[[str], Header],
        clock: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        self._files = files
        self._data_dir = data_dir
        self._header = header
        self._clock = clock
        self._random = random

    def rewrite(self, name: str, keep: Keep, change: Change = _unchanged) -> str | None:
        """Replace a segment by one with only some of its records; damaged lines are not copied.

        :param keep: tells which records and ``started`` lines are kept.
        :param change: changes these lines; each must remain the line of the same record.
        :return: the name of the new segment, with the old one's time stamp, or None if nothing was kept.
        :raises OSError: if it cannot be written; the old segment is unchanged then.
        :raises PackedError: if the old or the new one cannot be read back.
        """
        # The same time stamp: it takes the old one's place in the order, and its age for retention.
        new = f"{name.rpartition('-')[0]}-{self._random(4).hex()}"
        target = compressed_path(self._data_dir, new)
        aside = aside_path(self._data_dir, new)
        tally, appeared = Tally(), False
        try:
            check = write_packed(self._files, aside, self._kept(name, new, keep, change, tally))
            # A segment that somebody else removed meanwhile must not come back under another name.
            if (tally.records or tally.started) and segment_exists(self._data_dir, name):
                verify_packed(self._files, aside, check)
                self._files.rename(aside, target)
                appeared = True
                self._files.sync_directory(target.parent)
        finally:
            remove_if_there(self._files, aside)
        # Last: until now the old one is valid, and after the rename either is, which the next start resolves.
        self.remove(name)
        return new if appeared else None

    def remove(self, name: str) -> None:
        """Remove a segment, whichever files it has."""
        for path in (plain_path(self._data_dir, name), compressed_path(self._data_dir, name)):
            remove_if_there(self._files, path)
        self._files.sync_directory(segments_dir(self._data_dir))

    def _kept(self, name: str, new: str, keep: Keep, change: Change, tally: Tally) -> Iterator[SegmentLine]:
        data = codec.encode(self._header(new))
        yield SegmentLine(0, len(data), data, good=True)
        offset = len(data)
        for line in all_lines(self._files, self._data_dir, name):
            head = head_of(line)
            if head is None or head.event not in ("record", "started") or not keep(head):
                continue
            data = change(line.data)
            tally.add(head, offset, len(data))
            yield SegmentLine(offset, len(data), data, good=True)
            offset += len(data)
        tally.replaces = [name]
        last = codec.encode(tally.footer(offset, iso_time(self._clock())))
        yield SegmentLine(offset, len(last), last, good=True)
