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
from ccsproxy.store.segments.lines import segment_exists
from ccsproxy.store.segments.scan import contents, read_footer
from ccsproxy.store.segments.seal import seal
from ccsproxy.store.segments.segment import TORN, is_segment_name, list_segments, segments_dir, stamp_seconds
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.state.shipments import Shipments, unshipped
from ccsproxy.store.state.state import State, StateError

#: Seconds between rounds without rotations, and before a retry after a disk error.
EVERY = 60.0
#: Seconds between two checks for control requests.
LOOK = 1.0
_NICE = 15
_TORN_DAYS = 7


class Maintenance:
    """One round of maintenance. Synchronous; used by one thread.

    :param writing: the name of the segment that may still be appended to, see `SegmentLog.writing`.
    :param clock: seconds since the epoch.
    :param is_ours: tells whether the data directory is still the locked one.
    :param newest: the newest segment at startup, empty to trust the clock. If it is older than anything that is kept,
    nothing was recorded for long, or the clock is wrong.
    :ivar trouble: why the last round was incomplete, empty if it was not.
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
        """Do all pending work; failures are reported and retried in the next round.

        :param settings: retention settings for this round, if not the usual ones.
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

        :return: how many segments contained it.
        :raises OSError: if a segment cannot be read or written: the others were rewritten, and another call
        continues. Likewise `PackedError`.
        """
        if not self._is_ours():
            raise OSError(f"the data dir {self._data_dir} was removed")
        count, failed = 0, None
        for name, _ in self._closed():
            try:
                count += self._retention.forget(name, session_id)
            except (OSError, PackedError) as error:
                # Somebody else may have removed it meanwhile; then nothing of the session is left in it.
                failed = error if segment_exists(self._data_dir, name) else failed
        for path in segments_dir(self._data_dir).glob("*" + TORN):  # nobody can tell what is in a torn tail
            remove_if_there(self._files, path)
        self._observer.forgotten()
        if failed is not None:
            raise failed
        self._state.forget(session_id)
        return count

    def erase(self, sessions: Sequence[str]) -> str:
        """Ensure that nothing is left of removed sessions, anywhere.

        :return: why something may be left, empty if nothing is.
        """
        waiting = [target for target, session in self._state.deletions() if session in sessions]
        if waiting:
            return f"{waiting[0]} has not deleted it yet (or is no longer used: ccsproxy ship --forget {waiting[0]})"
        self._state.erase()
        return self._observer.left_of_forgotten()

    def _closed(self) -> list[tuple[str, bool]]:
        """List the closed segments; one that is found before `writing` is read is never a new one."""
        found = list_segments(self._data_dir)
        # After listing, never before: a segment that is created in between is then not in the list at all.
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
        """Remove what is not to be kept; a segment that cannot be removed does not stop the others."""
        starred = self._state.stars()
        now = self._ages.now()
        found = survey(self._files, self._data_dir, [name for name, _ in self._closed()], now)
        free = self._files.free_bytes(segments_dir(self._data_dir))
        index = index_bytes(self._data_dir)
        gone = expired(found, settings, now, free, index)
        while stay := {name for name in gone if self._must_stay(name, starred)}:
            found = [kept for kept in found if kept.name not in stay]
            gone = expired(found, settings, now, free, index)
        if gone and free < settings.min_free:
            self._log.warn(
                "only {free} MiB of the disk are free; the oldest segments are removed until it is {wanted}: {names}",
                free=free >> 20,
                wanted=settings.min_free >> 20,
                names=", ".join(gone),
            )
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

        :param missed: whether some target never had it, because it was down for too long: that is counted.
        """
        records = contents(self._files, self._data_dir, name).records if missed else 0
        self._retention.drop(name)
        if missed:
            self._shipments.missed(name, records)
            self._log.warn("{name} was removed before every target had it (--ship-hold)", name=name)

    def _must_stay(self, name: str, starred: frozenset[str]) -> bool:
        """Tell whether a segment is kept completely, because of its stars or because its content is unknown."""
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
            if not (isinstance(error, FileNotFoundError) and is_gone(self._data_dir, what)):
                self._failed(what, error)

    def _failed(self, what: str, error: Exception) -> None:
        self.trouble = f"{what}: {error}"
        self._log.warn("the maintenance of {what} failed and will be retried: {error}", what=what, error=error)


def is_gone(data_dir: Path, name: str) -> bool:
    """Tell whether a segment was removed, so that nothing is left to be done with it."""
    return is_segment_name(name) and not segment_exists(data_dir, name)


class MaintenanceThread:
    """Runs rounds when poked and periodically, and other jobs in between.

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
        """Wake the thread: there may be work."""
        self._wake.set()

    def call(self, job: Callable[[], None]) -> None:
        """Run a job in the thread; it must catch its own exceptions."""
        with self._lock:
            self._jobs.append(job)
        self._wake.set()

    def stop(self) -> None:
        """End the thread after its current work, and wait for that."""
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
            self._log.failure("the maintenance of the segments failed and will be retried")


def _lower_priority() -> None:
    """Lower this thread's priority; only Linux has priorities per thread."""
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
    except (OSError, AttributeError):
        pass
