"""The reading pool: blocking work runs in a few threads, and work that would wait too long is refused at once."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from ccsproxy.api.answer import Refused
from ccsproxy.errors import DataDirError
from ccsproxy.store.segments.compressed import PackedError

T = TypeVar("T")
_log = Logger()

#: How many reads run at a time; they share one interpreter, so more would only take turns.
THREADS = 4
#: How many may wait.
WAITING = 64


class Reading(Protocol):
    """Runs a blocking call elsewhere."""

    def run(self, function: Callable[..., T], *arguments: Any) -> Deferred[T]:
        """Call a function.

        :return: fires with its result, fails with its exception, or with `Refused` (503) if too many are waiting.
            Cancelling it withdraws a call that has not begun.
        """


class _Withdrawn(Exception):
    """A call whose result nobody waits for any more was not made."""


class _WaitingCall:
    """A call that waits for a thread."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function: Callable[[], Any] | None = function

    def withdraw(self) -> None:
        """Do not make the call, unless it has begun."""
        self._function = None

    def make(self) -> Any:
        """Make the call, in a thread.

        :raises _Withdrawn: if it was withdrawn before.
        """
        function = self._function
        if function is None:
            raise _Withdrawn
        return function()


class ReadingPool:
    """Runs blocking calls in its own threads, so that other users of the reactor's pool never wait for them.

    Invariant: a call takes up room until its thread is done with it, whoever still waits for the result; otherwise
    readers who give up and ask again would fill the queue without bound.

    :ivar failures: how many of them failed because the store could not be read.
    """

    def __init__(self, reactor: IReactorFromThreads, threads: int = THREADS, waiting: int = WAITING) -> None:
        self._reactor = reactor
        # None at first: an API without readers has no threads.
        self._pool = ThreadPool(0, threads, "reading")
        self._room = threads + waiting
        self.failures = 0

    def start(self) -> None:
        """Allow threads to be created on demand."""
        self._pool.start()

    def stop(self) -> None:
        """Stop the threads; waits for their current calls."""
        self._pool.stop()

    def run(self, function: Callable[..., T], *arguments: Any) -> Deferred[T]:
        """Call a function in a thread (see `Reading`)."""
        # Refused at once, because a client that waits for minutes retries, and then waits twice.
        if self._room <= 0:
            message = "Too many requests are waiting for the store; try again in a moment."
            return fail(Refused(HTTPStatus.SERVICE_UNAVAILABLE, "busy", message, {"Retry-After": "1"}))
        self._room -= 1
        waiting = _WaitingCall(partial(self._read, function, *arguments))
        answered: Deferred[T] = Deferred(lambda _: waiting.withdraw())
        made: Deferred[T] = deferToThreadPool(self._reactor, self._pool, waiting.make)
        made.addBoth(self._finished, answered)
        return answered

    def _read(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function in a thread; a store that cannot be read is a refusal with a sentence, not an accident."""
        try:
            return function(*arguments)
        except (DataDirError, OSError, PackedError) as reason:
            self.failures += 1
            # The 1st, 2nd, 4th, 8th time: a sick disk fails at every question.
            if self.failures & (self.failures - 1) == 0:
                _log.warn("the store could not be read {count} times: {reason}", count=self.failures, reason=reason)
            if isinstance(reason, DataDirError):
                message = str(reason)
            else:
                message = f"The store cannot be read at the moment: {reason}; try again."
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE, "store_unavailable", message, {"Retry-After": "1"}
            ) from None

    def _finished(self, result: Any, answered: Deferred[Any]) -> None:
        self._room += 1
        # Nobody waits for what was cancelled, not even for its failure.
        if not answered.called:
            answered.callback(result)
