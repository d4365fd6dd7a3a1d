"""The reading pool: blocking work runs in a few threads, and work that would wait too long is refused at once."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from ccsproxy.api.answer import Refused

T = TypeVar("T")

#: How many readings run at a time; they share one interpreter, so more would only take turns.
THREADS = 4
#: How many may wait.
WAITING = 64


class Reading(Protocol):
    """Runs a blocking call elsewhere."""

    def run(self, function: Callable[..., T], *arguments: Any) -> Deferred[T]:
        """Call a function.

        :return: fires with its result, fails with what it raised, or with `Refused` (503) when too many wait.
        """


class ReadingPool:
    """Runs blocking calls in threads of its own, so that other users of the reactor's pool never wait for them."""

    def __init__(self, reactor: IReactorFromThreads, threads: int = THREADS, waiting: int = WAITING) -> None:
        self._reactor = reactor
        # None to begin with: an API that nobody reads has no threads.
        self._pool = ThreadPool(0, threads, "reading")
        self._room = threads + waiting

    def start(self) -> None:
        """Let threads be made as they are needed."""
        self._pool.start()

    def stop(self) -> None:
        """End the threads; waits for what they are doing."""
        self._pool.stop()

    def run(self, function: Callable[..., T], *arguments: Any) -> Deferred[T]:
        """Call a function in a thread (see `Reading`)."""
        # Refused at once, as a reader that waits for minutes asks again, and waits twice.
        if self._room <= 0:
            message = "Too many requests wait for the store."
            return fail(Refused(HTTPStatus.SERVICE_UNAVAILABLE, "busy", message, {"Retry-After": "1"}))
        self._room -= 1
        done: Deferred[T] = deferToThreadPool(self._reactor, self._pool, function, *arguments)
        return done.addBoth(self._finished)

    def _finished(self, result: T) -> T:
        self._room += 1
        return result
