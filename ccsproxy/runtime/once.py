"""Runs something once, however often and by however many it is asked for."""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred


class Once:
    """Work that is started by the first caller; all callers are told when it has ended.

    :ivar begun: whether it was started.
    """

    def __init__(self, work: Callable[[], Coroutine[Any, Any, Any]], on_end: Callable[[Any], None]) -> None:
        """Set up the work.

        :param on_end: called with the result, or the failure, before the callers' Deferreds fire.
        """
        self._work, self._on_end = work, on_end
        self._waiting: list[Deferred[None]] = []
        self._done = False
        self.begun = False

    def run(self) -> "Deferred[None]":
        """Start the work, or wait for it.

        :return: fires when it has ended, even if it failed.
        """
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        if self._done:
            self._fire()
        elif not self.begun:
            self.begun = True
            Deferred.fromCoroutine(self._work()).addBoth(self._end)
        return waiting

    def _end(self, result: Any) -> None:
        self._on_end(result)
        # Before the first callback, which may call `run` again.
        self._done = True
        self._fire()

    def _fire(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)
