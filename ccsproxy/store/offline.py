"""Work on a store that nobody writes: what the commands do that change it."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from ccsproxy.exchange import codec
from ccsproxy.exchange.ids import iso_time
from ccsproxy.providers.price_book import PriceBook
from ccsproxy.store.directory import Lock, prepare
from ccsproxy.store.index.follower import Progress, bring_up, no_progress, rebuild
from ccsproxy.store.index.schema import drop_unusable
from ccsproxy.store.maintenance import Maintenance
from ccsproxy.store.observer import NullObserver
from ccsproxy.store.retention import Retention
from ccsproxy.store.retired import RetiredMarks
from ccsproxy.store.segments.compress import verify_packed, write_packed
from ccsproxy.store.segments.files import Files, remove_if_there
from ccsproxy.store.segments.rewrite import Rewriter
from ccsproxy.store.segments.scan import ScannedLine
from ccsproxy.store.segments.segment import TEMPORARY, Header, compressed_path, list_segments, segment_name
from ccsproxy.store.segments.tally import Tally
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.starred import Starred


class OfflineStore:
    """A store, locked. Leaving the context lets go of it.

    :raises DataDirBusy: when a service writes to it.
    :raises DataDirError: when it cannot be used.
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
        self._clock = clock
        self._random = random
        self._files = Files()
        self._price = PriceBook.of_data_dir(data_dir).cost

    def __enter__(self) -> "OfflineStore":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def reindex(self, progress: Progress = no_progress) -> None:
        """Make the index anew."""
        rebuild(self._data_dir, self._price, progress)

    def catch_up(self) -> None:
        """Bring the index up to the segments."""
        bring_up(self._data_dir, self._price)

    def forget(self, session_id: str) -> int:
        """Remove a session from segments and index, so that nothing of it is left on the disk.

        :return: how many segments held it.
        """
        count = self._maintenance().forget(session_id)
        bring_up(self._data_dir, self._price, squeeze=True)
        drop_unusable(self._data_dir)
        return count

    def collect(self) -> str:
        """Seal and compress what is left over, and remove what retention no longer keeps.

        :return: what went wrong, empty when nothing did.
        """
        maintenance = self._maintenance()
        maintenance.round()
        bring_up(self._data_dir, self._price)
        return maintenance.trouble

    def add(self, records: Iterable[dict[str, Any]]) -> int:
        """Add records in segments of their own, each of which appears whole or not at all.

        :return: how many there were.
        """
        count, source = 0, iter(records)
        while batch := self._segment(source):
            count += batch
        bring_up(self._data_dir, self._price)
        return count

    def _segment(self, records: Iterator[dict[str, Any]]) -> int:
        """Write one segment of records.

        :return: how many went into it.
        """
        names = [name for name, _ in list_segments(self._data_dir)]
        name = segment_name(self._clock(), self._random(4), names[-1] if names else "")
        target = compressed_path(self._data_dir, name)
        aside = target.with_name(target.name + TEMPORARY)
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

    def _lines(self, name: str, records: Iterator[dict[str, Any]], tally: Tally) -> Iterator[ScannedLine]:
        """Yield a segment's lines: header, records up to the size of a segment, footer."""
        data = codec.encode(self._header(name))
        offset = 0
        while data:
            yield ScannedLine(offset, data, good=True)
            offset += len(data)
            record = next(records, None) if offset < self._settings.rotate_size else None
            data = codec.encode(record) if record is not None else b""
            if data:
                tally.add(codec.head(data), offset, len(data))
        yield ScannedLine(offset, codec.encode(tally.footer(offset, iso_time(self._clock()))), good=True)

    def _header(self, name: str) -> Header:
        options = self._settings
        return Header(
            segment=name,
            created_at=iso_time(self._clock()),
            writer=options.writer,
            redacted=options.redact,
            run=options.run,
        )

    def _maintenance(self) -> Maintenance:
        files, data_dir, observer = self._files, self._data_dir, NullObserver()
        rewriter = Rewriter(files, data_dir, self._header, self._clock, self._random)
        retention = Retention(files, data_dir, rewriter, RetiredMarks(files, data_dir), observer)
        names = [name for name, _ in list_segments(data_dir)]
        bounds = (names[-1] if names else "", "")
        starred = Starred(files, data_dir)
        return Maintenance(files, data_dir, self._settings, retention, starred, observer, lambda: bounds, self._clock)
