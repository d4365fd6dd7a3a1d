"""Ids of exchanges and runs, and the format of times in records."""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

#: The format of a session id that comes from a client or a URL; anything else is replaced or refused.
SESSION_ID = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9._:-]{0,127}\Z")


def iso_time(seconds: float) -> str:
    """Format a time as RFC 3339 UTC with milliseconds.

    :param seconds: seconds since the epoch.
    """
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    return f"{_iso_second(whole)}.{milliseconds:03d}Z"


@lru_cache(64)
def _iso_second(seconds: int) -> str:
    """Format a whole second; many exchanges share one."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def run_session_id(seconds: float, random: Callable[[int], bytes] = os.urandom) -> str:
    """Make the session id of a run: ``YYYY-MM-DDTHH-MM-SS-mmmZ-`` and 8 hexadecimal digits, as in version 1.

    :param seconds: when the run began, seconds since the epoch.
    :param random: the source of the digits.
    """
    return iso_time(seconds).replace(":", "-").replace(".", "-") + "-" + random(4).hex()


class IdSource:
    """Makes exchange ids: 12 hexadecimal digits of milliseconds, 6 of a counter, 8 random ones per source.

    Ids of one source sort in the order in which they were made; ids of several sources sort by their millisecond.
    """

    def __init__(self, clock: Callable[[], float], random: Callable[[int], bytes] = os.urandom) -> None:
        self._clock = clock
        self._suffix = random(4).hex()
        self._last = 0
        self._count = 0

    def new_id(self) -> str:
        """Return the next id."""
        # Never backwards, as ids sort by time: if the clock is set back, they count up within the latest millisecond.
        now = max(int(self._clock() * 1000), self._last)
        if now > self._last:
            self._last, self._count = now, 0
        self._count += 1
        return f"{now:012x}{self._count:06x}{self._suffix}"
