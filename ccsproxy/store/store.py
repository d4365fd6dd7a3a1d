"""The store as capture sees it: assembles the parts that keep records."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.errors import DataDirError
from ccsproxy.exchange.record import Record, Started
from ccsproxy.runtime.once import Once
from ccsproxy.store.backlog import Backlog
from ccsproxy.store.batch_writer import BatchWriter
from ccsproxy.store.control import ControlServer
from ccsproxy.store.directory import Lock, prepare
from ccsproxy.store.maintenance.maintenance import Maintenance, MaintenanceThread
from ccsproxy.store.maintenance.recovery import Recovery, recover
from ccsproxy.store.maintenance.retention import Retention
from ccsproxy.store.maintenance.unclean import unclean_record
from ccsproxy.store.observer import IndexObserver, NullObserver
from ccsproxy.store.reader.lists import last_seqs
from ccsproxy.store.reader.source import IndexSource, IndexUnavailable
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.log import SegmentLog
from ccsproxy.store.segments.rewrite import Rewriter
from ccsproxy.store.segments.segment import Location, headers
from ccsproxy.store.segments.tally import merge_marks, raise_to
from ccsproxy.store.settings import StoreSettings
from ccsproxy.store.state.state import State, StateError, mark_key
from ccsproxy.store.uncounted import UncountedAnswers
from ccsproxy.store.writer import Writer, in_thread

_T = TypeVar("_T")


class Store:
    """Keeps records. Every method except the constructor is called in the reactor's thread and returns at once.

    :param data_dir: the data directory; made private by `open`.
    :param reactor: used for ``callFromThread``.
    :param observer: notified of what is written, in the store's threads.
    :param clock: seconds since the epoch.
    :ivar uncounted: the answers whose usage has not been told; used after `open`.
    """

    _log = Logger()

    def __init__(
        self,
        data_dir: Path,
        settings: StoreSettings,
        reactor: Any,
        observer: IndexObserver | None = None,
        files: Files | None = None,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.data_dir = data_dir
        self.settings = settings
        self._reactor = reactor
        self._observer = observer or NullObserver()
        self._files = files or Files()
        self._clock = clock
        self._random = random
        self._lock: Lock | None = None
        self._state = State(data_dir)
        self.uncounted = UncountedAnswers(self._state, lambda job: self._writer.call(job))
        self._marks: dict[str, int] = {}
        self._marks_of_removed: dict[str, int] = {}
        self._recovery = Recovery()
        self._backlog = Backlog(settings.queue_bytes, settings.queue_count)
        self._running = False
        self._missed = 0
        self._closing = Once(self._shut, self._shut_down)

    def open(self, alive: Mapping[str, float | None] | None = None) -> Deferred[Recovery]:
        """Lock and repair the data directory, and start writing.

        :param alive: the exchanges, by id, that are still in progress in a relay that outlived its recorder; all
        others that began and did not end become ``unclean`` records. Each with the earliest time at which it may have
        been recorded if it has ended (seconds since the epoch), None for just now.
        :return: what was found; fails with `DataDirError` if the data directory cannot be used.
        """
        kept = frozenset(alive or ())
        since = min((each for each in (alive or {}).values() if each is not None), default=None)
        # Reading a data directory with a hundred segments takes a second: the recorder accepts no frames meanwhile,
        # and the log keeps them.
        done = in_thread(self._reactor, lambda: self._prepare(kept, since))
        return done.addCallbacks(self._prepared, self._unprepared)

    def last_seq(self, session_id: str) -> int:
        """Return the highest sequence number ever assigned in a session, 0 for a new one."""
        return max(self._marks.get(session_id, 0), self._marks_of_removed.get(mark_key(session_id), 0))

    def started(self, note: Started) -> None:
        """Note that an exchange has begun."""
        raise_to(self._marks, note.session_id, note.seq)
        self._writer.started(note)

    def append(self, record: Record) -> Deferred[Location]:
        """Store a record.

        :return: fires when its complete line has been written to the kernel; fails with
        `ccsproxy.store.backlog.Dropped`.
        """
        raise_to(self._marks, record.session_id, record.seq)
        return self._writer.append(record)

    def forget(self, session_id: str) -> Deferred[int]:
        """Remove a session permanently: the segments that contain it are rewritten without it; see also `erase`.

        :return: how many segments contained it; fails with ``RuntimeError`` if the store is not open.
        """
        return self._in_maintenance(lambda: self._maintenance.forget(session_id))

    def erase(self, sessions: Sequence[str]) -> Deferred[str]:
        """Ensure that nothing is left of removed sessions.

        :return: why something may be left, empty if nothing is; call it again in that case.
        """
        return self._in_maintenance(lambda: self._maintenance.erase(sessions), rotate=False)

    def collect(self, settings: StoreSettings) -> Deferred[str]:
        """Seal and compress what is left over, and remove what retention does not keep.

        :param settings: the retention settings to use this time.
        :return: what went wrong, empty if nothing did; fails with ``RuntimeError`` if the store is not open.
        """

        def collect() -> str:
            self._maintenance.round(settings)
            return self._maintenance.trouble

        return self._in_maintenance(collect)

    def health(self) -> dict[str, Any]:
        """Return the counters and what is wrong, in constant time."""
        trouble = self._batch_writer.trouble if self._running else ""
        if self._running and not trouble and not self.owns_data_dir():
            trouble = f"the data dir {self.data_dir} was removed"
        return {
            "store": "degraded" if trouble or not self._running else "ok",
            "trouble": trouble,
            "upkeep_trouble": self._maintenance.trouble if self._running else "",
            **self._backlog.counts(),
            "write_failures": self._batch_writer.failures if self._running else 0,
            "suspect_segments": self._segments.suspects if self._running else 0,
            "active_segment": self._segments.active if self._running else "",
            "repaired_tails": self._recovery.torn,
            "damaged_lines": self._recovery.damaged,
            "unclean": len(self._recovery.unclean),
            "skipped": len(self._recovery.problems),
        }

    def close(self) -> Deferred[None]:
        """Write and sync what waits, stop the threads and unlock the data directory; may be called more than once."""
        return self._closing.run()

    def recreate_data_dir(self) -> None:
        """Recreate the data directory, under a new lock, when it was found removed twice: ``rm`` may still be
        running.
        """
        if self._running and not self._closing.begun:
            self._missed = 0 if self.owns_data_dir() else self._missed + 1
            if self._missed >= 2:
                self._writer.call(self._batch_writer.recreate_data_dir)

    def owns_data_dir(self) -> bool:
        """Tell whether the data directory is still the one that this store has locked; may be called from any
        thread.
        """
        return self._lock is not None and self._lock.held()

    def _own_data_dir(self) -> None:
        """Lock the data directory again after it was removed, in the writer's thread.

        :raises OSError: if another process was faster, or it cannot be created.
        """
        # The data directory may be removed under a running service: further writes would go to deleted files.
        if self._lock is None or self._lock.held():
            return
        try:
            self._lock.renew()
        except DataDirError as reason:
            raise OSError(f"the data dir was removed, and no new one can be used: {reason}") from None
        self._state.close()
        self._log.error(
            "the data dir {path} was removed while it was in use; a new one was created", path=self.data_dir
        )

    def _in_maintenance(self, work: Callable[[], _T], rotate: bool = True) -> Deferred[_T]:
        """Work on the closed segments in the maintenance thread.

        :param rotate: whether the current segment is closed first, with everything appended so far.
        :return: fails with ``RuntimeError`` if the store is not open.
        """
        # Closing has begun: a job accepted now would find its thread ended, and its Deferred would never fire.
        if not self._running or self._closing.begun:
            return fail(RuntimeError("the store is not open"))
        done: Deferred[_T] = Deferred()

        def run() -> None:
            try:
                result: Any = work()
            except Exception:
                result = Failure()
            self._reactor.callFromThread(done.callback, result)

        def close_segment() -> None:
            self._segments.rotate()
            self._maintenance_thread.call(run)

        if rotate:
            self._writer.call(close_segment)
        else:
            self._maintenance_thread.call(run)
        return done

    async def _shut(self) -> None:
        if self._running:
            self._control.stop()
            # The writer before the maintenance: its last action closes a segment, which the maintenance must process.
            await self._writer.close()
            self._running = False
            await in_thread(self._reactor, self._maintenance_thread.stop)

    def _shut_down(self, result: Any) -> None:
        if isinstance(result, Failure):
            self._log.failure("the store did not close cleanly", result)
        self._release()

    def _prepare(self, alive: frozenset[str], since: float | None) -> Recovery:
        prepare(self.data_dir)
        self._lock = Lock(self.data_dir)
        result = recover(self._files, self.data_dir, alive, self._clock(), since)
        # Only now: the index may be outdated, and does not count where the segments themselves can be read.
        if result.unread:  # the index's knowledge of them is better than assigning numbers twice
            try:
                merge_marks(result.marks, IndexSource(self.data_dir).ask(last_seqs, dict[str, int]()))
            except IndexUnavailable as reason:
                result.problems.append(str(reason))
        try:
            self._marks_of_removed = self._state.marks()
        except StateError as reason:  # records are kept nevertheless; nothing is removed until the state is repaired
            result.problems.append(str(reason))
        return result

    def _unprepared(self, failure: Failure) -> Failure:
        self._release()
        return failure

    def _prepared(self, result: Recovery) -> Recovery:
        for problem in result.problems:
            self._log.warn("in the data dir, {problem}", problem=problem)
        self._recovery = result
        merge_marks(self._marks, result.marks)
        # After the recovery, which has cut off what was torn: the log continues with a name later than any it found.
        self._build(result.newest)
        self._running = True
        # Before the thread starts, so that these records are the first of the new segment, in the order of their
        # starts.
        for started in result.unclean:
            self._writer.append(unclean_record(started)).addErrback(self._unclean_lost)
        self._writer.start()
        self._maintenance_thread.start()
        return result

    def _build(self, newest: str) -> None:
        files, data_dir, observer = self._files, self.data_dir, self._observer
        self._segments = SegmentLog(
            files, data_dir, self.settings, self._clock, newest, random=self._random,
            closed=lambda _: self._maintenance_thread.poke(),
            is_ours=self.owns_data_dir, relock=self._own_data_dir,
        )  # fmt: skip
        self._batch_writer = BatchWriter(files, data_dir, self._backlog, self._segments, observer, time.monotonic)
        self._writer = Writer(self._reactor, self._backlog, self._batch_writer)
        rewriter = Rewriter(files, data_dir, headers(self.settings, self._clock), self._clock, self._random)
        retention = Retention(files, data_dir, rewriter, self._state, observer)
        self._maintenance = Maintenance(
            files, data_dir, self.settings, retention, self._state, observer, lambda: self._segments.writing,
            self._clock, self.owns_data_dir, newest,
        )  # fmt: skip
        self._control = ControlServer(
            self, self._state, self._reactor, lambda job: self._maintenance_thread.call(job)
        )
        self._maintenance_thread = MaintenanceThread(self._maintenance, self._control.look)

    def _release(self) -> None:
        self._state.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _unclean_lost(self, failure: Failure) -> None:
        self._log.error("an unclean exchange could not be recorded: {error}", error=failure.value)
