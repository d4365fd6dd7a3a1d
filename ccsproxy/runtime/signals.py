"""SIGTERM and SIGINT: the first asks for an orderly stop, the second cuts what still runs (contract, section 8)."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any


class StopSignals:
    """Turns signals into calls in the reactor's own turn.

    :param stop: called for the first signal.
    :param cut: called for each further one.
    """

    def __init__(self, reactor: Any, stop: Callable[[], object], cut: Callable[[], object]) -> None:
        self._reactor, self._stop, self._cut = reactor, stop, cut
        self._stopping = False

    def install(self) -> None:
        """Take the two signals over from the reactor; to be called in the main thread while it runs."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._received)

    def _received(self, number: int, frame: FrameType | None) -> None:
        # Signal handlers run between any two instructions: only hand over, and wake the reactor.
        self._reactor.callFromThread(self.received)

    def received(self) -> None:
        """Do what one more signal asks for."""
        if self._stopping:
            self._cut()
            return
        self._stopping = True
        self._stop()
