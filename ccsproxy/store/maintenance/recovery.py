"""Recovery at start, before anything is written: repair, complete, roll back, and find interrupted exchanges.

Nothing that lies in the data dir can stop it: what cannot be read is skipped and reported.
"""

from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path

import attr
import msgspec

from ccsproxy.exchange import codec
from ccsproxy.exchange.outcome import Outcome
from ccsproxy.exchange.record import CaptureNote, Error, Record, RecordTiming, Request, Started
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

#: Records are acknowledged to the relay within moments: one that it has not heard of is in one of so many segments,
#: or, where somebody knows since when it may have been written, in one that was not closed then.
_RECENT = 2
#: Seconds by which clocks may differ that say so.
_CLOCKS = 60.0


#: How often a segment is tried to be read.
_ATTEMPTS = 3


@attr.define
class Recovery:
    """What was found and done.

    :ivar segments: how many segments there are.
    :ivar newest: the name of the newest, empty without any.
    :ivar sealed: segments that had not been closed.
    :ivar torn: segments whose torn tail was cut off.
    :ivar damaged: lines that do not verify, in the segments that were read.
    :ivar tidied: files of interrupted work that were removed.
    :ivar unclean: the beginnings of exchanges whose end is nowhere.
    :ivar under_way: the beginnings of exchanges that are alive.
    :ivar ended: the ids of exchanges that are alive to the relay and have their record already.
    :ivar marks: the highest sequence number of each session.
    :ivar unread: segments of which nobody knows what they hold: the marks may be too low for their sessions.
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
    """Repair a data dir that nobody writes to.

    :param alive: ids of exchanges that are still going on, in a relay that outlived its recorder.
    :param since: since when those of them that have ended may have been recorded, seconds since the epoch.
    :param seconds: now, since the epoch.
    """
    work = _Recovery(files, data_dir, seconds)
    # In this order: what is half done would be surveyed as a segment, and only a survey tells which exchanges have no
    # end.
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
        """Remove what interrupted work left behind, and finish compressions that lack only the last step."""
        for path in self._listing():
            if path.name.endswith(TEMPORARY):
                self._try(path, partial(self._remove, path))
        for name, packed_only in list_segments(self._data_dir):
            packed = compressed_path(self._data_dir, name)
            if not packed_only and packed.exists():
                self._try(packed, partial(self._settle_twins, packed))

    def survey(self) -> None:
        """Learn what the segments hold; close those that are not."""
        replaced: set[str] = set()
        footers: dict[str, Footer] = {}
        for name, packed_only in list_segments(self._data_dir):
            footer = self._footer(name, packed_only)
            self.result.newest = max(self.result.newest, name)
            if footer is not None:
                # All are read before any is taken: a rewritten segment names those that it replaces, and may come
                # before them.
                footers[name] = footer
                replaced.update(footer.replaces)
        for name, footer in footers.items():
            if name in replaced:
                self._try(plain_path(self._data_dir, name), partial(self._remove_segment, name))
            else:
                self._take(name, footer)

    def find_unclean(self, alive: Collection[str], since: float | None) -> None:
        """Read the beginnings of the exchanges that have no end, and look for the records of those that are alive."""
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
        """Return the segments that were written to since some time, and the most recent ones in any case."""
        names = [name for name, _ in list_segments(self._data_dir)]
        if since is None:
            return names[-_RECENT:]
        begun_before = sum(stamp_seconds(name) < since - _CLOCKS for name in names)
        return names[max(0, min(begun_before - 1, len(names) - _RECENT)) :]

    def _find_ended(self, name: str, alive: frozenset[str]) -> None:
        """Look for records that the relay has not heard of; a footer does not name what began and ended there."""
        for line in self._lines(name):
            head = head_of(line)
            if head is not None and head.event == "record" and head.id in alive:
                self.result.ended.add(head.id)

    def _footer(self, name: str, packed_only: bool) -> Footer | None:
        """Find out what a segment holds; a disk that fails once is asked again, since much hangs on the answer."""
        for attempt in range(_ATTEMPTS):
            try:
                footer = read_footer(self._files, self._data_dir, name)
                if footer is None and packed_only:
                    return self._salvaged(name)
                return footer or self._sealed(name)
            except Exception as error:
                # Only the disk may answer otherwise next time; bytes that are damaged stay so.
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
        """Make up the footer of a damaged compressed segment from the lines that can still be read."""
        found = scan(self._lines(name))
        self.result.damaged += 1
        return found.tally.footer(found.end, "")

    def _lines(self, name: str) -> Iterator[SegmentLine]:
        """Yield the lines of a segment; of what cannot be read, there is a report."""
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
        """Both files of a segment are there: keep the compressed one only if it says what the plain one says."""
        plain = packed.with_suffix("")
        check = Check()
        for _, piece in file_pieces(self._files, plain):
            check.add(piece)
        try:
            # The plain file was complete before compressing began, the compressed one perhaps never was: only
            # equality decides.
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
        # A removal that is not synced may come back with the next power cut, and with it what was to be gone.
        self._files.sync_directory(path.parent)
        self.result.tidied += 1

    def _listing(self) -> list[Path]:
        try:
            return sorted(segments_dir(self._data_dir).iterdir())
        except OSError as error:
            self._report(segments_dir(self._data_dir), error)
            return []

    def _try(self, path: Path, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:
            self._report(path, error)

    def _report(self, path: Path, error: Exception | str) -> None:
        self.result.problems.append(f"{path.name} was skipped: {error}")


def unclean_record(started: Started) -> Record:
    """Make the record of an exchange of which only the beginning is known; what is not known is null."""
    request = Request(
        method=started.method,
        path=started.path,
        headers=started.headers,
        headers_raw=list(started.headers.items()),
        http_version="",
    )
    return Record(
        id=started.id,
        seq=started.seq,
        session_id=started.session_id,
        request_id=None,
        started_at=started.started_at,
        ended_at=None,
        duration_ms=None,
        ttft_ms=None,
        upstream=started.upstream,
        dialect=started.dialect,
        category=started.category,
        model=started.model,
        response_model=None,
        outcome=Outcome.UNCLEAN.value,
        stop_reason=None,
        error=Error("unclean", "the recorder stopped before the exchange ended"),
        partial=True,
        client=started.client,
        usage=None,
        timing=RecordTiming(),
        request=request,
        response=None,
        capture=CaptureNote(faults=["unclean"]),
    )
