"""The time limit of a question: how long all statements that a page or an API call needs may take together."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ccsproxy.store.engine.engine import EngineError

#: Time limit of a statement and of a question in seconds: whoever waits has given up by then.
WITHIN = 60.0


class TimeLimit:
    """Tells each thread how much time the question that it answers has left.

    Invariant: a thread answers one question at a time; outside of one, only the limit of a statement applies.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._local = threading.local()

    @contextmanager
    def question(self, seconds: float) -> Iterator[None]:
        """Limit what is asked by this thread within the context.

        :param seconds: how long it may take altogether.
        """
        self._local.until = self._clock() + seconds
        try:
            yield
        finally:
            self._local.until = None

    def left(self, most: float) -> float:
        """Return how many seconds the next statement may take.

        :param most: the limit of a single one.
        :raises EngineError: if the question has none left.
        """
        until: float | None = getattr(self._local, "until", None)
        if until is None:
            return most
        left = until - self._clock()
        if left <= 0:
            raise EngineError("the engine was asked several things and took too long; choose a shorter time range")
        return min(left, most)


#: The limit of this process's questions.
TIME_LIMIT = TimeLimit()
