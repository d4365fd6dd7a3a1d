"""The care of closed segments, in a thread of low priority: seal, compress, expire, forget."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from twisted.logger import Logger

from ccsproxy.store.observer import IndexObserver
from ccsproxy.store.retention import Retention, expired, survey
from ccsproxy.store.segments.compress import compress_segment
from ccsproxy.store.segments.compressed import PackedError
from ccsproxy.store.segments.files import Files, remove_if_there
from ccsproxy.store.segments.scan import read_footer
from ccsproxy.store.segments.seal import seal
from ccsproxy.store.segments.segment import TORN, list_segments, segments_dir
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.starred import Starred

#: How often to look even if nothing was rotated, and how long to wait after the disk refused something, in seconds.
EVERY = 60.0
#: How often to look for requests, in seconds.
LOOK = 1.0
_NICE = 15
_TORN_DAYS = 7


class Maintenance:
    """One round of care. Synchronous; used by one thread.

    :param bounds: see `SegmentLog.bounds`.
    :param clock: seconds since the epoch.
    :ivar trouble: why the last round could not do all of its work, empty when it could.
    """

    _log = Logger()

    def __init__(
        self,
        files: Files,
        data_dir: Path,
        settings: StoreSettings,
        retention: Retention,
        starred: Starred,
        observer: IndexObserver,
        bounds: Callable[[], tuple[str, str]],
        clock: Callable[[], float],
    ) -> None:
        self.trouble = ""
        self._files = files
        self._data_dir = data_dir
        self._settings = settings
        self._retention = retention
        self._starred = starred
        self._observer = observer
        self._bounds = bounds
        self._clock = clock

    def round(self, settings: StoreSettings | None = None) -> None:
        """Do all there is to do; what fails is reported and tried again in the next round.

        :param settings: what is to be kept this time, if not what always is.
        """
        self.trouble = ""
        self._guarded("expire", lambda: self._expire(settings or self._settings))
        for name, packed_only in self._closed():
            if not packed_only:
                self._guarded(name, lambda name=name: self._close_and_compress(name))  # type: ignore[misc]
        self._guarded("torn tails", self._drop_torn)

    def forget(self, session_id: str) -> int:
        """Remove a session from all closed segments.

        :return: how many segments were rewritten.
        :raises OSError: if the disk does not take it; calling it again goes on.
        :raises PackedError: if a segment cannot be read; the others were rewritten.
        """
        count = 0
        damaged: PackedError | None = None
        for name, _ in self._closed():
            try:
                count += self._retention.forget(name, session_id)
            except PackedError as error:
                damaged = error
        self._forget_torn()
        self._observer.forgotten()
        if damaged is not None:
            raise damaged
        return count

    def _closed(self) -> list[tuple[str, bool]]:
        newest, active = self._bounds()
        return [(name, packed) for name, packed in list_segments(self._data_dir) if name <= newest and name != active]

    def _close_and_compress(self, name: str) -> None:
        if read_footer(self._files, self._data_dir, name) is None:
            found = seal(self._files, self._data_dir, name, self._clock())
            if found.footer is None:
                self._observer.removed(name)
                return
        if self._settings.compress == "zstd" and compress_segment(self._files, self._data_dir, name):
            self._observer.renamed(name)

    def _expire(self, settings: StoreSettings) -> None:
        starred = self._starred.sessions()
        now = self._clock()
        found = survey(self._data_dir, [name for name, _ in self._closed()], now)
        free = self._files.free_bytes(segments_dir(self._data_dir))
        gone = expired(found, settings, now, free)
        while exempt := {name for name in gone if starred and self._retention.is_kept(name, starred)}:
            found = [kept for kept in found if kept.name not in exempt]
            gone = expired(found, settings, now, free)
        for name in gone:
            self._retention.drop(name, starred)

    def _drop_torn(self) -> None:
        for path in segments_dir(self._data_dir).glob("*" + TORN):
            if self._clock() - path.lstat().st_mtime > _TORN_DAYS * 86400:
                remove_if_there(self._files, path)

    def _forget_torn(self) -> None:
        """Remove all torn tails: nobody can tell what is in them."""
        for path in segments_dir(self._data_dir).glob("*" + TORN):
            remove_if_there(self._files, path)

    def _guarded(self, what: str, step: Callable[[], None]) -> None:
        try:
            step()
        except (OSError, PackedError, ValueError) as error:
            self.trouble = str(error)
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
