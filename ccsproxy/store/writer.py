"""The Deferred-based writer: one thread that alone writes records, fed from the reactor through a bounded backlog."""

import math
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.exchange.record import Record, Started
from ccsproxy.store.backlog import Backlog, Dropped
from ccsproxy.store.batch_writer import BatchWriter
from ccsproxy.store.segments.segment import Location

_T = TypeVar("_T")


def in_thread(reactor: Any, work: Callable[[], _T], name: str = "ccsproxy store") -> Deferred[_T]:
    """Run a callable in a new thread.

    Unlike the reactor's pool, this does not wait for name look-ups that occupy the pool, and is not torn down before
    us.

    :param reactor: used for ``callFromThread``.
    :return: fires in the reactor's thread with the callable's result or exception.
    """
    done: Deferred[_T] = Deferred()

    def run() -> None:
        try:
            result: Any = work()
        except BaseException:
            result = Failure()
        reactor.callFromThread(done.callback, result)

    threading.Thread(target=run, name=name, daemon=True).start()
    return done


#: How many seconds to wait for more after the first entry, so that a burst costs one write.
_GATHER = 0.03


class Writer:
    """Runs a `BatchWriter` in its own thread and fires a Deferred for each record in the reactor.

    :param reactor: used for ``callFromThread`` only.
    """

    _log = Logger()

    def __init__(self, reactor: Any, backlog: Backlog, batch_writer: BatchWriter) -> None:
        self._reactor = reactor
        self._backlog = backlog
        self._batch_writer = batch_writer
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._stopping = False
        self._jobs: list[tuple[int, Callable[[], None]]] = []
        self._results: list[tuple[Deferred[Location], Location | Dropped]] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="ccsproxy store writer", daemon=True)

    def start(self) -> None:
        """Start the only thread that writes."""
        self._thread.start()

    def append(self, record: Record) -> Deferred[Location]:
        """Store a record.

        :return: fires with its location when its complete line has been written to the kernel (with ``--sync
        record``: to the disk); fails with `Dropped` if it never will be.
        """
        if self._stopping:
            return fail(self._backlog.refuse(record, "shutdown"))
        done: Deferred[Location] = Deferred()
        # Read without the lock, from another thread: a slightly outdated value names the wrong reason once, and loses
        # nothing.
        reason = "disk" if self._batch_writer.trouble else "queue"
        refused = self._backlog.offer(record, lambda result: self._settle(done, result), reason)
        if refused is not None:
            return fail(refused)
        self._wake.set()
        return done

    def started(self, note: Started) -> None:
        """Store the start of an exchange; if that fails, only a crash would reveal it."""
        if self._stopping:
            self._backlog.refuse(note, "shutdown")
        elif self._backlog.offer(note) is None:
            self._wake.set()

    def call(self, job: Callable[[], None]) -> None:
        """Run something between two writes, in the writer's thread.

        It runs when everything appended before it is settled, or the disk fails: then the rest may wait for long.
        """
        with self._lock:
            # The job stores how much was appended before it, since "remove this session" includes what is still
            # queued.
            self._jobs.append((self._backlog.taken_in, job))
        self._wake.set()

    def close(self) -> Deferred[None]:
        """Write what is left and end the thread; may be called again, and fires each time when that is done."""
        self._stopping = True
        self._hurry.set()
        self._wake.set()
        return in_thread(self._reactor, self._join)

    def _join(self) -> None:
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        wait: float | None = None
        while True:
            self._wake.wait(wait)
            if self._stopping:
                break
            if self._wake.is_set():
                self._wake.clear()
                if wait != 0.0:  # otherwise more is waiting already than one slice can write
                    # A turn of an agent ends several exchanges within milliseconds: one write and one sync serve all
                    # of them.
                    self._hurry.wait(_GATHER)
            wait = self._guarded(self._batch_writer.turn)
            self._deliver()
            self._run_jobs()
        # Deferreds and jobs once more afterwards: closing settles what the last turn left.
        self._guarded(self._batch_writer.finish)
        self._deliver()
        self._run_jobs()

    def _guarded(self, step: Callable[[], float | None]) -> float | None:
        try:
            return step()
        except Exception:
            self._log.failure("the store's writer failed and continues")
            return 1.0

    def _run_jobs(self) -> None:
        with self._lock:
            settled = math.inf if self._batch_writer.trouble or self._stopping else self._backlog.settled_in_all
            jobs = [job for after, job in self._jobs if after <= settled]
            self._jobs = [each for each in self._jobs if each[0] > settled]
        for job in jobs:
            try:
                job()
            except Exception:
                self._log.failure("a job in the store's writer failed")

    def _settle(self, done: Deferred[Location], result: Location | Dropped) -> None:
        self._results.append((done, result))

    def _deliver(self) -> None:
        results, self._results = self._results, []
        if results:
            self._reactor.callFromThread(self._fire, results)

    @staticmethod
    def _fire(results: list[tuple[Deferred[Location], Location | Dropped]]) -> None:
        for done, result in results:
            if isinstance(result, Dropped):
                done.errback(result)
            else:
                done.callback(result)
