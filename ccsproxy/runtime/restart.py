"""A restart without cut connections, from the side of the process that is replaced."""

import os
from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

from ccsproxy.runtime.sockets.listening import Listeners
from ccsproxy.runtime.takeover import Successor, not_to_hand_over


class Restarts:
    """Starts a successor, one at a time, and stops serving when it accepts connections.

    States: alone, a successor is starting (back to alone if it ends before it accepts), succeeded.
    """

    _log = Logger()

    def __init__(self, reactor: Any, listeners: Listeners, succeeded: Callable[[int], None]) -> None:
        """Start without a successor.

        :param listeners: the sockets to hand over.
        :param succeeded: called with the successor's process id when it accepts connections: shut down now.
        """
        self._reactor, self._listeners, self._succeeded = reactor, listeners, succeeded
        self._successor: Successor | None = None

    def begin(self) -> None:
        """Start a successor, unless one is starting or has taken over."""
        wrong = not_to_hand_over([name.rpartition(" ")[2] for name, _ in self._listeners.open])
        if wrong is not None:
            self._log.error("no restart: the socket of {endpoint} cannot be handed over", endpoint=wrong)
        elif self._successor is None:
            self._successor = Successor(self._reactor, self._taken_over, self._not_succeeded)
            try:
                self._successor.start(self._listeners.open, os.environ)
            except OSError as error:
                self._log.error("no restart: {error}", error=error)
                self._successor = None

    def _taken_over(self, pid: int) -> None:
        self._log.info("process {pid} accepts connections now; this one exits when its streams have ended", pid=pid)
        self._listeners.leave_open()
        self._succeeded(pid)

    def _not_succeeded(self) -> None:
        self._successor = None
