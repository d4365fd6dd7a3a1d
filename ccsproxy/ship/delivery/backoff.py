"""Exponential back-off with jitter before a target is retried."""

import random
from collections.abc import Callable

#: The first pause, the maximum pause, and the maximum that a target may ask for, in seconds.
FIRST, LONGEST, LONGEST_ASKED = 0.5, 60.0, 3600.0


class Backoff:
    """Counts failures in a row.

    :ivar failures: the number since the last success.
    """

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        """Start without failures.

        :param chance: returns a number from 0 to 1: half of each pause is random, so that the machines of a team do
            not all retry in the same second.
        """
        self.failures = 0
        self._chance = chance

    def succeeded(self) -> None:
        """Restart with the shortest pause."""
        self.failures = 0

    def pause(self, requested: float | None = None) -> float:
        """Count a failure.

        :param requested: the delay in seconds that the target asks for.
        :return: seconds to wait.
        """
        whole = min(LONGEST, FIRST * 2.0 ** min(self.failures, 20))
        self.failures += 1
        pause = whole * (0.5 + self._chance() / 2)
        return max(pause, min(requested, LONGEST_ASKED)) if requested is not None and requested > 0 else pause
