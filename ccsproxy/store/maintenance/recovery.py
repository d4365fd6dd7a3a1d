"""Recovery at start, before anything is written: repair, complete, roll back, and find interrupted exchanges.

Nothing in the data directory can stop it: what cannot be read is skipped and reported.
"""

from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path

import attr
import msgspec

from ccsproxy.exchange import codec
from ccsproxy.exchange.record import Started
from ccsproxy.store.segments.compress import Check, verify_packed
from ccsproxy.store.segments.compressed import PackedError
from ccsproxy.store.segments.files import Files, remove_if_there
from ccsproxy.store.segments.lines import SegmentLine, file_pieces, lines, segment_pieces
from ccsproxy.store.segments.scan import head_of, read_footer, scan
from ccsproxy.store.segments.seal import seal
from ccsproxy.store.segments.segment import (
    TEMPORARY,
    Footer,
    compressed_path,
    list_segments,
    plain_path,
    segments_dir,
    stamp_seconds,
)
from ccsproxy.store.segments.tally import merge_marks

#: Records are acknowledged to the relay within moments: an unacknowledged one is in one of this many newest segments
#: or, if it is known since when it may have been written, in one that was not closed before then.
_RECENT = 2
#: Maximum difference in seconds between the clocks involved.
_CLOCKS = 60.0
#: How often reading a segment is tried.
_ATTEMPTS = 3


@attr.define
class Recovery:
    """What was found and done.

    :ivar segments: how many segments there are.
    :ivar newest: the name of the newest, empty if there is none.
    :ivar sealed: segments that had not been closed.
    :ivar torn: segments whose torn tail was cut off.
    :ivar damaged: lines that fail verification, in the segments that were read.
    :ivar tidied: leftover files of interrupted work that were removed.
    :ivar unclean: ``started`` lines of exchanges without an end.
    :ivar under_way: ``started`` lines of exchanges that are still in progress.
    :ivar ended: ids of exchanges that the relay considers in progress but that have a record already.
    :ivar marks: the highest sequence number of each session.
    :ivar unread: segments with unknown content: the marks may be too low for their sessions.
    :ivar problems: one sentence for each thing that had to be skipped.
    """

    segments: int = 0
    newest: str = ""
    sealed: int = 0
    torn: int = 0
    damaged: int = 0
    tidied: int = 0
    unclean: list[Started] = attr.field(factory=list)
    under_way: list[Started] = attr.field(factory=list)
    ended: set[str] = attr.field(factory=set)
    marks: dict[str, int] = attr.field(factory=dict)
    unread: list[str] = attr.field(factory=list)
    problems: list[str] = attr.field(factory=list)


def recover(
    files: Files, data_dir: Path, alive: Collection[str], seconds: float, since: float | None = None
) -> Recovery:
    """Repair a data directory that nothing writes to.

    :param alive: ids of exchanges that are still in progress, in a relay that outlived its recorder.
    :param since: the earliest time at which those of them that have ended may have been recorded, seconds since the
    epoch.
    :param seconds: now, since the epoch.
    """
    work = _Recovery(files, data_dir, seconds)
    # In this order: leftovers would be surveyed as segments, and only a survey tells which exchanges have no end.
    work.tidy()
    work.survey()
    work.find_unclean(alive, since)
    return work.result


class _Recovery:
    """The steps of a recovery, each of which may skip what it cannot do."""

    def __init__(self, files: Files, data_dir: Path, seconds: float) -> None:
        self.result = Recovery()
        self._files = files
        self._data_dir = data_dir
        self._seconds = seconds
        self._pending: dict[str, tuple[str, tuple[int, int]]] = {}
        self._ended: set[str] = set()

    def tidy(self) -> None:
        """Remove leftovers of interrupted work, and finish compressions that lack only the last step."""
        for path in self._listing():
            if path.name.endswith(TEMPORARY):
                self._try(path, partial(self._remove, path))
        for name, packed_only in self._names():
            packed = compressed_path(self._data_dir, name)
            if not packed_only and packed.exists():
                self._try(packed, partial(self._settle_twins, packed))

    def survey(self) -> None:
        """Find out what the segments contain; close those that are not closed."""
        replaced: set[str] = set()
        footers: dict[str, Footer] = {}
        for name, packed_only in self._names():
            footer = self._footer(name, packed_only)
            self.result.newest = max(self.result.newest, name)
            if footer is not None:
                # All are read before any is used: a rewritten segment names those that it replaces, and may come
                # before them.
                footers[name] = footer
                replaced.update(footer.replaces)
        for name, footer in footers.items():
            if name in replaced:
                self._try(plain_path(self._data_dir, name), partial(self._remove_segment, name))
            else:
                self._take(name, footer)

    def find_unclean(self, alive: Collection[str], since: float | None) -> None:
        """Read the ``started`` lines of exchanges without an end, and search for records of exchanges in progress."""
        if alive:
            for name in self._written_since(since):
                self._try(plain_path(self._data_dir, name), partial(self._find_ended, name, frozenset(alive)))
        wanted: dict[str, list[tuple[int, int]]] = {}
        for key, (name, place) in self._pending.items():
            if key not in self._ended:
                wanted.setdefault(name, []).append(place)
        for name, places in wanted.items():
            self._try(plain_path(self._data_dir, name), partial(self._read_started, name, places, alive))

    def _written_since(self, since: float | None) -> list[str]:
        """Return the segments written since a time, and in any case the most recent ones."""
        names = [name for name, _ in self._names()]
        if since is None:
            return names[-_RECENT:]
        begun_before = sum(stamp_seconds(name) < since - _CLOCKS for name in names)
        return names[max(0, min(begun_before - 1, len(names) - _RECENT)) :]

    def _find_ended(self, name: str, alive: frozenset[str]) -> None:
        """Search for unacknowledged records; a footer does not name exchanges that both started and ended in its
        segment.
        """
        for line in self._lines(name):
            head = head_of(line)
            if head is not None and head.event == "record" and head.id in alive:
                self.result.ended.add(head.id)

    def _footer(self, name: str, packed_only: bool) -> Footer | None:
        """Find out what a segment contains; a failing disk is retried, because much depends on the result."""
        for attempt in range(_ATTEMPTS):
            try:
                footer = read_footer(self._files, self._data_dir, name)
                if footer is None and packed_only:
                    return self._salvaged(name)
                return footer or self._sealed(name)
            except Exception as error:
                # Only disk errors may disappear on a retry; damaged bytes stay damaged.
                if attempt == _ATTEMPTS - 1 or not isinstance(error, OSError):
                    path = compressed_path(self._data_dir, name) if packed_only else plain_path(self._data_dir, name)
                    self._report(path, error)
                    break
        self.result.unread.append(name)
        return None

    def _sealed(self, name: str) -> Footer | None:
        try:
            found = seal(self._files, self._data_dir, name, self._seconds)
        except OSError as error:
            self._report(plain_path(self._data_dir, name), error)
            found = scan(self._lines(name))
            return found.tally.footer(found.end, "")
        self.result.sealed += 1
        self.result.damaged += found.tally.damaged
        self.result.torn += found.torn
        return found.footer

    def _salvaged(self, name: str) -> Footer:
        """Build the footer of a damaged compressed segment from the lines that can still be read."""
        found = scan(self._lines(name))
        self.result.damaged += 1
        return found.tally.footer(found.end, "")

    def _lines(self, name: str) -> Iterator[SegmentLine]:
        """Yield the lines of a segment; unreadable parts are reported."""
        damage = partial(self._report, compressed_path(self._data_dir, name))
        return lines(segment_pieces(self._files, self._data_dir, name, damage=damage))

    def _take(self, name: str, footer: Footer) -> None:
        self.result.segments += 1
        merge_marks(self.result.marks, footer.sessions)
        self._ended.update(footer.ended)
        for key, place in footer.pending.items():
            self._pending[key] = (name, place)

    def _read_started(self, name: str, places: list[tuple[int, int]], alive: Collection[str]) -> None:
        starts = {offset for offset, _ in places}
        for line in self._lines(name):
            if line.good and line.offset in starts:
                started = msgspec.convert(codec.decode(line.data), Started)
                (self.result.under_way if started.id in alive else self.result.unclean).append(started)

    def _settle_twins(self, packed: Path) -> None:
        """Both files of a segment exist: keep the compressed one only if it has the content of the plain one."""
        plain = packed.with_suffix("")
        check = Check()
        for _, piece in file_pieces(self._files, plain):
            check.add(piece)
        try:
            # The plain file was complete before compression started, the compressed one perhaps never was: only
            # equality counts.
            verify_packed(self._files, packed, check)
        except (PackedError, OSError):
            self._remove(packed)
        else:
            self._remove(plain)

    def _remove_segment(self, name: str) -> None:
        for path in (plain_path(self._data_dir, name), compressed_path(self._data_dir, name)):
            remove_if_there(self._files, path)
        self._files.sync_directory(segments_dir(self._data_dir))
        self.result.tidied += 1

    def _remove(self, path: Path) -> None:
        self._files.unlink(path)
        # An unsynced removal may be undone by a power failure, and what should be gone would reappear.
        self._files.sync_directory(path.parent)
        self.result.tidied += 1

    def _listing(self) -> list[Path]:
        try:
            return sorted(segments_dir(self._data_dir).iterdir())
        except OSError as error:
            self._report(segments_dir(self._data_dir), error)
            return []

    def _names(self) -> list[tuple[str, bool]]:
        """List the segments; a folder that cannot be read is not an empty one, and what it holds is unknown."""
        for attempt in range(_ATTEMPTS):
            try:
                return list_segments(self._data_dir)
            except OSError as error:
                if attempt == _ATTEMPTS - 1:
                    self._report(segments_dir(self._data_dir), error)
                    self.result.unread.append(segments_dir(self._data_dir).name)
        return []

    def _try(self, path: Path, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:
            self._report(path, error)

    def _report(self, path: Path, error: Exception | str) -> None:
        self.result.problems.append(f"{path.name} was skipped: {error}")
