"""Maintenance of a store that no service is writing to, for the commands that change it."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from ccsproxy.exchange import codec
from ccsproxy.exchange.ids import iso_time
from ccsproxy.providers.price_book import PriceBook
from ccsproxy.store.control import ControlRequest, forgotten_by
from ccsproxy.store.directory import Lock, prepare
from ccsproxy.store.index.follower import Progress, bring_up, no_progress, rebuild
from ccsproxy.store.maintenance.maintenance import Maintenance
from ccsproxy.store.maintenance.retention import Retention
from ccsproxy.store.observer import NullObserver
from ccsproxy.store.segments.compress import verify_packed, write_packed
from ccsproxy.store.segments.files import Files, remove_if_there
from ccsproxy.store.segments.lines import SegmentLine
from ccsproxy.store.segments.rewrite import Change, Rewriter
from ccsproxy.store.segments.scan import all_lines, head_of
from ccsproxy.store.segments.segment import aside_path, compressed_path, headers, list_segments, segment_name
from ccsproxy.store.segments.tally import Tally
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.state.shipments import Shipment, Shipments
from ccsproxy.store.state.state import State


class OfflineStore:
    """A store, locked. Leaving the context unlocks it.

    :raises DataDirBusy: if a service writes to it.
    :raises DataDirError: if it cannot be used.
    """

    def __init__(
        self,
        data_dir: Path,
        settings: StoreSettings,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        prepare(data_dir)
        self._lock = Lock(data_dir)
        self._data_dir = data_dir
        self._settings = settings
        self._header = headers(settings, clock)
        self._clock = clock
        self._random = random
        self._files = Files()
        self._price = PriceBook.of_data_dir(data_dir).cost
        self._state = State(data_dir)

    def __enter__(self) -> "OfflineStore":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._state.close()
        self._lock.release()

    def reindex(self, progress: Progress = no_progress) -> dict[str, str]:
        """Rebuild the index.

        :return: the segments that could not be read completely, with the reason.
        """
        return rebuild(self._data_dir, self._price, progress)

    def catch_up(self) -> None:
        """Update the index from the segments."""
        bring_up(self._data_dir, self._price)

    def forget(self, sessions: Sequence[str]) -> dict[str, int]:
        """Remove sessions so that nothing of them is left on disk; includes removals requested from a service.

        :return: for each, how many segments contained it.
        :raises OSError: if something is left; the next start of a service continues. Likewise `PackedError`.
        """
        self._state.begin_jobs()
        self._state.ask_for(msgspec.json.encode(ControlRequest("forget", list(sessions))))
        jobs = {job: forgotten_by(data) for job, data in self._state.take_jobs()}
        maintenance = self._maintenance()
        counts = {each: maintenance.forget(each) for each in dict.fromkeys(chain(*jobs.values()))}
        left = bring_up(self._data_dir, self._price, squeeze=True) or maintenance.erase(list(counts))
        if left:
            raise OSError(f"removed from all segments, but not everywhere: {left}; run this again")
        for job in jobs:
            self._state.withdraw(job)
        self._state.erase()
        return {session: counts[session] for session in sessions}

    def change(self, change: Change) -> int:
        """Change lines of records wherever they are stored: such segments are rewritten, and the index is rebuilt.

        Each segment is replaced atomically, as by `forget`; after a crash some are changed and some are not, and
        another call continues.

        :param change: returns the changed line; a line that should stay is returned itself.
        :return: how many segments were rewritten.
        :raises OSError: if a segment cannot be read or written; likewise `PackedError`.
        """
        rewriter = Rewriter(self._files, self._data_dir, self._header, self._clock, self._random)
        count = 0
        for name, _ in list_segments(self._data_dir):
            lines = (line.data for line in all_lines(self._files, self._data_dir, name) if head_of(line) is not None)
            if any(change(line) is not line for line in lines):
                rewriter.rewrite(name, lambda head: True, change)
                count += 1
        if count:
            self.reindex()
            bring_up(self._data_dir, self._price, squeeze=True)
        return count

    def shipments(self) -> dict[str, Shipment]:
        """Return how far shipping has got, by target."""
        return Shipments(self._state).every()

    def collect(self) -> str:
        """Seal and compress what is left over, and remove what retention no longer keeps.

        :return: what went wrong, empty if nothing did.
        """
        maintenance = self._maintenance()
        maintenance.round()
        bring_up(self._data_dir, self._price)
        return maintenance.trouble

    def add(self, records: Iterable[dict[str, Any]]) -> int:
        """Add records in new segments, each of which appears atomically.

        :return: how many records were added.
        """
        count, source = 0, iter(records)
        while batch := self._segment(source):
            count += batch
        bring_up(self._data_dir, self._price)
        return count

    def _segment(self, records: Iterator[dict[str, Any]]) -> int:
        """Write one segment of records.

        :return: how many it contains.
        """
        names = [name for name, _ in list_segments(self._data_dir)]
        name = segment_name(self._clock(), self._random(4), names[-1] if names else "")
        target = compressed_path(self._data_dir, name)
        aside = aside_path(self._data_dir, name)
        tally = Tally()
        try:
            check = write_packed(self._files, aside, self._lines(name, records, tally))
            if tally.records:
                verify_packed(self._files, aside, check)
                self._files.rename(aside, target)
                self._files.sync_directory(target.parent)
        finally:
            remove_if_there(self._files, aside)
        return tally.records

    def _lines(self, name: str, records: Iterator[dict[str, Any]], tally: Tally) -> Iterator[SegmentLine]:
        """Yield a segment's lines: header, records up to a segment's maximum size, footer."""
        data = codec.encode(self._header(name))
        offset = 0
        while data:
            yield SegmentLine(offset, len(data), data, good=True)
            offset += len(data)
            record = next(records, None) if offset < self._settings.rotate_size else None
            data = codec.encode(record) if record is not None else b""
            if data:
                tally.add(codec.head(data), offset, len(data))
        last = codec.encode(tally.footer(offset, iso_time(self._clock())))
        yield SegmentLine(offset, len(last), last, good=True)

    def _maintenance(self) -> Maintenance:
        files, data_dir, observer = self._files, self._data_dir, NullObserver()
        rewriter = Rewriter(files, data_dir, self._header, self._clock, self._random)
        retention = Retention(files, data_dir, rewriter, self._state, observer)
        return Maintenance(files, data_dir, self._settings, retention, self._state, observer, lambda: "", self._clock)
