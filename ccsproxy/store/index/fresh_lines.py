"""Lines that were just written, kept for the index so that it need not read them from disk again.

The segments remain the source of the index: a line that is not here is read from them, so the excess is dropped.
"""

import threading
from collections import deque
from collections.abc import Iterable

from ccsproxy.store.observer import FreshLine
from ccsproxy.store.segments.lines import SegmentLine

#: Maximum number of bytes and of lines.
MOST_BYTES, MOST_LINES = 6 << 20, 2000


class FreshLines:
    """Lines in the order in which they were written; for the writer's thread and the index's.

    Invariant: ``_size`` is how many bytes they have.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lines: deque[FreshLine] = deque()
        self._size = 0
        self._lock = threading.Lock()

    def add(self, written: Iterable[FreshLine]) -> None:
        """Keep lines, as far as there is room."""
        with self._lock:
            for each in written:
                size = each[1].length
                if self._size + size <= self._most_bytes and len(self._lines) < MOST_LINES:
                    self._lines.append(each)
                    self._size += size

    def take(self, segment: str, offset: int) -> list[SegmentLine]:
        """Remove and return consecutive lines of a segment from an offset on, and drop those before.

        :param segment: segments are requested in order.
        """
        found: list[SegmentLine] = []
        with self._lock:
            while self._lines and self._lines[0][0] <= segment:
                name, line = self._lines[0]
                if name == segment and line.offset > offset:
                    break
                self._lines.popleft()
                self._size -= line.length
                if name == segment and line.offset == offset:
                    found.append(line)
                    offset = line.end
        return found
