"""How long to wait before a target is tried again: twice as long each time, and never all at the same moment."""

import random
from collections.abc import Callable

#: Seconds before the first repeat, at most between two, and at most as a target asks for.
FIRST, LONGEST, LONGEST_ASKED = 0.5, 60.0, 3600.0


class Backoff:
    """Counts failures in a row.

    :ivar failures: how many there were since the last success.
    """

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        """Begin without a failure.

        :param chance: a number from 0 to 1: half of each pause is left to it, so that the machines of a team do not
            all come back in the same second.
        """
        self.failures = 0
        self._chance = chance

    def succeeded(self) -> None:
        """Begin anew with the shortest pause."""
        self.failures = 0

    def pause(self, asked: float | None = None) -> float:
        """Count a failure.

        :param asked: seconds for which the target wants to be left alone.
        :return: seconds to wait.
        """
        whole = min(LONGEST, FIRST * 2.0 ** min(self.failures, 20))
        self.failures += 1
        pause = whole * (0.5 + self._chance() / 2)
        return max(pause, min(asked, LONGEST_ASKED)) if asked is not None and asked > 0 else pause
