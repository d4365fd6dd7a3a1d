"""Arrival times of the chunks of a response: exact up to a limit, coarser for streams that last for hours."""

from array import array
from collections.abc import Iterable, Sequence
from operator import sub

#: So many pieces are remembered one by one; with more, neighbours are taken together, 16 bytes each.
MOST = 8192


class Arrivals:
    """The pieces of one response, by time and size.

    Invariant: at most `MOST` entries, whose sizes add up to those of all pieces; an entry's time is that of its last
    piece.

    :ivar count: how many pieces arrived.
    """

    __slots__ = ("_longest", "_merged", "_sizes", "_times", "count")

    def __init__(self) -> None:
        self._times = array("q")
        self._sizes = array("q")
        self._longest = 0
        self._merged = False
        self.count = 0

    def add(self, times: Sequence[int], sizes: Iterable[int]) -> None:
        """Take pieces in their order.

        :param times: microseconds since the exchange began.
        """
        if self._merged and times:
            # Once pieces are merged, pauses between them cannot be read from the times any more.
            self._longest = max(self._longest, self._longest_in([self._times[-1], *times]))
        self.count += len(times)
        self._times.extend(times)
        self._sizes.extend(sizes)
        while len(self._times) > MOST:
            self._merge()

    def end(self, at: int) -> None:
        """Note that nothing arrived after this time; pieces are timed slightly later, after they were passed on."""
        # The relay times a piece after it has passed it on, and the end before it reports it, so these times may be
        # microseconds out of order.
        if self._times and max(self._times) > at:
            self._times = array("q", [min(each, at) for each in self._times])

    @property
    def chunks(self) -> list[tuple[float, int]]:
        """Milliseconds since the exchange began, and bytes on the wire."""
        return [(at / 1e3, size) for at, size in zip(self._times, self._sizes, strict=True)]

    @property
    def last(self) -> float | None:
        """When the last piece arrived in milliseconds; None if there was none."""
        return self._times[-1] / 1e3 if self._times else None

    @property
    def max_gap(self) -> float | None:
        """The longest pause between two pieces in milliseconds; None if there were fewer than two."""
        if len(self._times) < 2:
            return None
        return (self._longest if self._merged else self._longest_in(self._times)) / 1e3

    def _longest_in(self, times: Sequence[int]) -> int:
        return max(map(sub, times[1:], times))

    def _merge(self) -> None:
        """Merge each piece with its neighbour; the longest pause so far is remembered."""
        if not self._merged:
            self._longest = self._longest_in(self._times)
            self._merged = True
        times, sizes = self._times, self._sizes
        odd = len(times) % 2
        self._times = times[1::2] + times[len(times) - odd :]
        self._sizes = array("q", map(sum, zip(sizes[::2], sizes[1::2], strict=False))) + sizes[len(sizes) - odd :]
