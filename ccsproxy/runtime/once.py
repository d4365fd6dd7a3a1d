"""Runs something once, however often and by however many it is asked for."""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred


class Once:
    """A piece of work that is begun by whoever asks first; all who ask hear of its end.

    :ivar begun: whether anybody has asked.
    """

    def __init__(self, work: Callable[[], Coroutine[Any, Any, Any]], over: Callable[[Any], None]) -> None:
        """Describe it.

        :param over: told the result, or the failure, before anybody else is.
        """
        self._work, self._over = work, over
        self._waiting: list[Deferred[None]] = []
        self._done = False
        self.begun = False

    def run(self) -> "Deferred[None]":
        """Begin, or wait for what was begun.

        :return: fires when it is over, also when it failed.
        """
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        if self._done:
            self._tell()
        elif not self.begun:
            self.begun = True
            Deferred.fromCoroutine(self._work()).addBoth(self._end)
        return waiting

    def _end(self, result: Any) -> None:
        self._over(result)
        # Before the first callback, which may ask again.
        self._done = True
        self._tell()

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)
