"""A thread that does disk work in order, so that a stalled disk stalls nothing else."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

T = TypeVar("T")


class Disk(Protocol):
    """Where blocking calls are made."""

    def run(self, work: Callable[..., T], *arguments: Any) -> "Deferred[T]":
        """Queue a call of ``work`` and return its result."""

    def stop(self) -> None:
        """Accept no more calls; queued ones are still made."""


class DiskThread:
    """A dedicated daemon thread, started by the first call; results arrive in the reactor, in order."""

    def __init__(self, reactor: IReactorFromThreads, name: str = "spill") -> None:
        self._reactor, self._name = reactor, name
        self._work: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...], Deferred[Any]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def run(self, work: Callable[..., T], *arguments: Any) -> "Deferred[T]":
        """Queue a call of ``work`` in the thread."""
        if self._thread is None:
            # A daemon: a disk that hangs for ever must not keep the process from exiting.
            self._thread = threading.Thread(target=self._loop, name=self._name, daemon=True)
            self._thread.start()
        done: Deferred[T] = Deferred()
        self._work.put((work, arguments, done))
        return done

    def stop(self) -> None:
        """End the thread after the queued calls."""
        self._work.put(None)

    def _loop(self) -> None:
        while (job := self._work.get()) is not None:
            work, arguments, done = job
            try:
                result = work(*arguments)
            except Exception:
                self._reactor.callFromThread(done.errback, Failure())
            else:
                self._reactor.callFromThread(done.callback, result)
