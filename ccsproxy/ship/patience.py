"""Retrying work until it succeeds, with growing pauses that new records or the end cut short."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from ccsproxy.errors import DataDirError
from ccsproxy.ship.delivery.backoff import Backoff
from ccsproxy.ship.status import Status
from ccsproxy.ship.target import Unavailable

_T = TypeVar("_T")


class PatientWork:
    """The timing half of a pump.

    Invariant: once it should end, no pause starts; at most one pause is in progress.

    :ivar status: its status for people and programs.
    :param patience: number of failures in a row after which it gives up; null for never.
    """

    _log = Logger()

    def __init__(self, reactor: Any, status: Status, backoff: Backoff, patience: int | None = None) -> None:
        self.status = status
        self._reactor, self._backoff, self._patience = reactor, backoff, patience
        self._pause: Deferred[Any] | None = None
        self._stopping = self._ending = self._news = self._idle = False

    def poke(self) -> None:
        """There may be something to ship."""
        self._news = True
        if self._idle:
            self._wake()

    def finish(self) -> None:
        """End when everything has been shipped, or at the first failure."""
        self._ending = True
        self._wake()

    def stop(self) -> None:
        """End after the work in progress; a pause ends at once."""
        self._stopping = True
        self._wake()

    async def _patiently(self, work: Callable[[], Awaitable[_T]]) -> _T | None:
        """Do something, retrying until it succeeds.

        :return: null also if the pump should end before that.
        """
        while not self._stopping:
            try:
                return await work()
            except Unavailable as reason:
                await self._trouble(str(reason), reason.retry_after)
            except (OSError, DataDirError) as reason:
                await self._trouble(f"on this disk: {reason}")
            except Exception as reason:  # a bug of ours in one target must not stop it or the others for ever
                self._log.failure("shipping to {target} failed unexpectedly", target=self.status.target)
                await self._trouble(f"an internal error of ccsproxy ({type(reason).__name__}); see the log")
            if self._ending:
                self._stopping = True
        return None

    async def _trouble(self, reason: str, retry_after: float | None = None) -> None:
        status = self.status
        # Once per failure, not per retry: a target may be down for days.
        if status.trouble != reason:
            self._log.warn("{target} waits: {reason}", target=self.status.target, reason=reason)
        status.state, status.trouble = "waiting", reason
        status.retries += 1
        pause = self._backoff.pause(retry_after)
        if self._patience is not None and self._backoff.failures >= self._patience:
            self._stopping = True
        elif not self._ending:
            await self._rest(pause)

    def _settle(self) -> None:
        """Note success, which ends an earlier failure."""
        if self.status.trouble:
            self._log.info("{target} accepts records again", target=self.status.target)
        self.status.state, self.status.trouble = "ok", ""

    async def _rest(self, seconds: float, wakes: bool = False) -> None:
        """Pause; shorter if the pump should end.

        :param wakes: whether new records end the pause, too.
        """
        # Records that arrived during the work must not wait for the next poll.
        if self._stopping or (wakes and self._news):
            return
        self._idle = wakes
        self._pause = deferLater(self._reactor, seconds, lambda: None)
        try:
            await self._pause
        except CancelledError:
            pass
        finally:
            self._pause, self._idle = None, False

    def _wake(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
