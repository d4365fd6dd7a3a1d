"""Recognises recorder deaths with a common cause: an exchange that kills whichever recorder handles it."""

from collections.abc import Callable

from ccsproxy.capture.relay.relays import Relays

#: A recorder that dies within this many seconds may have died from its input.
SOON = 30.0


class RecorderDeaths:
    """Counts successive deaths of recorders that made no progress with their input.

    A death before the recorder was ready is not related to any exchange, and is not counted.

    :param patience: how many are too many.
    :param seconds: a monotonic clock.
    """

    def __init__(self, relays: Relays, patience: int, seconds: Callable[[], float]) -> None:
        self._relays, self._patience, self._seconds = relays, patience, seconds
        self._in_a_row = 0
        self._suspects: dict[int, int] = {}
        self._ready_at: float | None = None
        self._stored_at_ready = 0

    def ready(self) -> None:
        """Note that a recorder is ready."""
        self._ready_at = self._seconds()
        self._stored_at_ready = self._relays.counts[1]

    def count(self) -> bool:
        """Count the death of the current recorder.

        :return: whether it had made progress: stored something, and not started with the same exchanges as the last
        one.
        """
        ready_at, self._ready_at = self._ready_at, None
        if ready_at is None:
            return False
        suspects, last = self._relays.suspects(), self._suspects
        self._suspects = suspects
        progress = self._relays.counts[1] != self._stored_at_ready and not (suspects and suspects == last)
        soon = self._seconds() - ready_at < SOON
        self._in_a_row = self._in_a_row + 1 if soon and not progress else 0
        return progress

    def too_many(self) -> bool:
        """Whether to skip what the recorders were processing; resets the count in that case."""
        if self._in_a_row < self._patience:
            return False
        self._in_a_row = 0
        return True
