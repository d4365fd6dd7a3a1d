"""Maintenance of closed segments in a low-priority thread: seal, compress, expire, forget."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from twisted.logger import Logger

from ccsproxy.store.index.file import index_bytes
from ccsproxy.store.maintenance.retention import AgeClock, Retention, expired, held_back, survey
from ccsproxy.store.observer import IndexObserver
from ccsproxy.store.segments.compress import compress_segment
from ccsproxy.store.segments.compressed import PackedError
from ccsproxy.store.segments.files import Files, remove_if_there
from ccsproxy.store.segments.scan import contents, read_footer
from ccsproxy.store.segments.seal import seal
from ccsproxy.store.segments.segment import TORN, list_segments, segments_dir, stamp_seconds
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.state.shipments import Shipments, unshipped
from ccsproxy.store.state.state import State, StateError

#: How often to look even if nothing was rotated, and how long to wait after the disk refused something, in seconds.
EVERY = 60.0
#: How often to look for requests, in seconds.
LOOK = 1.0
_NICE = 15
_TORN_DAYS = 7


class Maintenance:
    """One round of care. Synchronous; used by one thread.

    :param writing: the name of the segment that may still be appended to, see `SegmentLog.writing`.
    :param clock: seconds since the epoch.
    :param is_ours: tells whether the data dir is still the one that is locked.
    :param newest: the newest segment at the start, empty to believe the clock. One that is older than anything that
        is kept means that nothing was recorded for long, or that the clock is wrong.
    :ivar trouble: why the last round could not do all of its work, empty when it could.
    """

    _log = Logger()

    def __init__(
        self,
        files: Files,
        data_dir: Path,
        settings: StoreSettings,
        retention: Retention,
        state: State,
        observer: IndexObserver,
        writing: Callable[[], str],
        clock: Callable[[], float],
        is_ours: Callable[[], bool] = lambda: True,
        newest: str = "",
    ) -> None:
        self.trouble = ""
        self._files = files
        self._data_dir = data_dir
        self._settings = settings
        self._retention = retention
        self._state = state
        self._shipments = Shipments(state)
        self._observer = observer
        self._writing = writing
        self._clock = clock
        before = stamp_seconds(newest) if newest else None
        doubtful = before is not None and settings.retain_days and clock() - before > settings.retain_days * 86400
        self._ages = AgeClock(clock, before=before if doubtful else None)
        self._is_ours = is_ours

    def round(self, settings: StoreSettings | None = None) -> None:
        """Do all there is to do; what fails is reported and tried again in the next round.

        :param settings: what is to be kept this time, if not what always is.
        """
        self.trouble = ""
        if not self._is_ours():
            return
        self._guarded("retention", lambda: self._expire(settings or self._settings))
        for name, packed_only in self._closed():
            if not packed_only:
                self._guarded(name, partial(self._close_and_compress, name))
        self._guarded("torn tails", self._drop_torn)

    def forget(self, session_id: str) -> int:
        """Remove a session from all closed segments and from the state.

        :return: how many segments held it.
        :raises OSError: if the disk does not take it, or a segment cannot be read: the others were rewritten, calling
            it again goes on. `PackedError` likewise.
        """
        if not self._is_ours():
            raise OSError(f"the data dir {self._data_dir} was removed")
        count, failed = 0, None
        for name, _ in self._closed():
            try:
                count += self._retention.forget(name, session_id)
            except (OSError, PackedError) as error:
                failed = error
        for path in segments_dir(self._data_dir).glob("*" + TORN):  # nobody can tell what is in a torn tail
            remove_if_there(self._files, path)
        self._observer.forgotten()
        if failed is not None:
            raise failed
        self._state.forget(session_id)
        return count

    def erase(self, sessions: Sequence[str]) -> str:
        """See that nothing is left of removed sessions, wherever they were.

        :return: why something may be left, empty when nothing is.
        """
        waiting = [target for target, session in self._state.deletions() if session in sessions]
        if waiting:
            return f"{waiting[0]} has not deleted it yet (or is no longer used: ccsproxy ship --forget {waiting[0]})"
        self._state.erase()
        return self._observer.left_of_forgotten()

    def _closed(self) -> list[tuple[str, bool]]:
        """List the segments that nothing is appended to; one that is found before `writing` is read is never new."""
        found = list_segments(self._data_dir)
        # After the list, never before: a segment that is begun between the two is then not in the list at all.
        writing = self._writing()
        return [(name, packed) for name, packed in found if name != writing]

    def _close_and_compress(self, name: str) -> None:
        if read_footer(self._files, self._data_dir, name) is None:
            found = seal(self._files, self._data_dir, name, self._clock())
            if found.footer is None:
                self._observer.changed()
                return
        if self._settings.compress == "zstd" and compress_segment(self._files, self._data_dir, name):
            self._observer.changed()

    def _expire(self, settings: StoreSettings) -> None:
        """Remove what is not to be kept; one segment that cannot be removed does not keep the others."""
        starred = self._state.stars()
        now = self._ages.now()
        found = survey(self._files, self._data_dir, [name for name, _ in self._closed()], now)
        free = self._files.free_bytes(segments_dir(self._data_dir))
        index = index_bytes(self._data_dir)
        gone = expired(found, settings, now, free, index)
        while stay := {name for name in gone if self._must_stay(name, starred)}:
            found = [kept for kept in found if kept.name not in stay]
            gone = expired(found, settings, now, free, index)
        waiting = self._unshipped(gone)
        held = held_back(
            [kept for kept in found if kept.name in gone], waiting, settings.ship_hold, free < settings.min_free
        )
        for name in gone:
            if name not in held:
                self._guarded(name, partial(self._drop, name, missed=name in waiting))

    def _unshipped(self, names: Sequence[str]) -> set[str]:
        return unshipped(names, self._shipments.every().values()) if names else set()

    def _drop(self, name: str, missed: bool) -> None:
        """Remove a segment.

        :param missed: whether some target never had it, because it was away for too long: that is counted.
        """
        records = contents(self._files, self._data_dir, name).records if missed else 0
        self._retention.drop(name)
        if missed:
            self._shipments.missed(name, records)
            self._log.warn("{name} was removed before every target had it (--ship-hold)", name=name)

    def _must_stay(self, name: str, starred: frozenset[str]) -> bool:
        """Tell whether a segment is kept whole, for its stars or because nobody knows what is in it."""
        try:
            return bool(starred) and self._retention.is_kept(name, starred)
        except (OSError, PackedError) as error:
            self._failed(name, error)
            return True

    def _drop_torn(self) -> None:
        for path in segments_dir(self._data_dir).glob("*" + TORN):
            if self._clock() - path.lstat().st_mtime > _TORN_DAYS * 86400:
                remove_if_there(self._files, path)

    def _guarded(self, what: str, step: Callable[[], None]) -> None:
        try:
            step()
        except (OSError, PackedError, StateError) as error:
            self._failed(what, error)

    def _failed(self, what: str, error: Exception) -> None:
        self.trouble = f"{what}: {error}"
        self._log.warn("the care of {what} failed and is tried again: {error}", what=what, error=error)


class MaintenanceThread:
    """Runs rounds when poked and once in a while, and other jobs of the same kind between them.

    :param look: called once a second.
    """

    _log = Logger()

    def __init__(self, maintenance: Maintenance, look: Callable[[], None]) -> None:
        self._maintenance = maintenance
        self._look = look
        self._wake = threading.Event()
        self._stopping = False
        self._jobs: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="ccsproxy store maintenance", daemon=True)

    def start(self) -> None:
        """Start the thread with a round."""
        self._wake.set()
        self._thread.start()

    def poke(self) -> None:
        """Say that there may be something to do."""
        self._wake.set()

    def call(self, job: Callable[[], None]) -> None:
        """Run a job in the thread; it catches its own exceptions."""
        with self._lock:
            self._jobs.append(job)
        self._wake.set()

    def stop(self) -> None:
        """End the thread after what it is doing, and wait for that."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        _lower_priority()
        due = 0.0
        while True:
            poked = self._wake.wait(LOOK)
            self._wake.clear()
            stopping = self._stopping
            with self._lock:
                jobs, self._jobs = self._jobs, []
            for job in jobs:
                self._guarded(job)
            if stopping:
                return
            self._guarded(self._look)
            if poked or time.monotonic() >= due:
                self._guarded(self._maintenance.round)
                due = time.monotonic() + EVERY

    def _guarded(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception:
            self._log.failure("the care of the segments failed and is tried again")


def _lower_priority() -> None:
    """Make this thread nicer than the rest; only Linux has priorities for threads."""
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
    except (OSError, AttributeError):
        pass
