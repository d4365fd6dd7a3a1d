"""A reader's access to the index: a read-only connection per thread, reopened when the index is replaced."""

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ccsproxy.errors import DataDirError
from ccsproxy.store.index.file import IndexUnusable, damaged, has_caught_up, identity, open_for_reading
from ccsproxy.store.segments.lines import SegmentLines

T = TypeVar("T")

#: How many bytes the index may be behind the segments before it counts as being rebuilt.
LAG = 4 << 20
#: How many seconds the result of that check is cached.
LAG_FOR_S = 1.0


class IndexUnavailable(DataDirError):
    """The index cannot be read at the moment, or is not complete enough to tell; the message is one sentence."""


class IndexSource:
    """Runs queries against the index of a data directory, from any thread."""

    def __init__(self, data_dir: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._data_dir = data_dir
        self._clock = clock
        self._lines = SegmentLines(data_dir)
        self._local = threading.local()
        self._lagging: tuple[float, bool] = (float("-inf"), False)

    def ask(self, question: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """Run a query against the index, all within one transaction.

        :param question: called with the connection.
        :param otherwise: the result while there is no usable index.
        :raises IndexUnavailable: if there is one that cannot be read: an empty answer would be a wrong one.
        """
        # Twice: an index that was replaced or given up under an open connection looks broken the first time only.
        for last in (False, True):
            try:
                return self._answer(question)
            except IndexUnusable:
                break
            except sqlite3.Error as reason:
                self._forget()
                if last and not damaged(reason):
                    raise IndexUnavailable(
                        f"The index in {self._data_dir} cannot be read at the moment: {reason}; try again."
                    ) from None
        self._lagging = (self._clock(), True)
        return otherwise

    def _answer(self, question: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connection()
        connection.execute("BEGIN")
        try:
            # In the snapshot that is asked: afterwards the index may have caught up, unlike the answer.
            if not has_caught_up(connection):
                self._lagging = (self._clock(), True)
            return question(connection)
        finally:
            if connection.in_transaction:
                connection.rollback()

    def rebuilding(self) -> bool:
        """Tell whether records are missing in lists because the index does not exist, or is far behind the
        segments.
        """
        at, answer = self._lagging
        if self._clock() - at > LAG_FOR_S:
            try:
                answer = self.ask(self._behind, True)
            except IndexUnavailable:
                answer = True
            self._lagging = (self._clock(), answer)
        return answer

    def close(self) -> None:
        """Close this thread's connection."""
        self._forget()

    def _behind(self, connection: sqlite3.Connection) -> bool:
        """Tell whether the segments contain much that the index has not read, or it has not caught up yet at all."""
        if not has_caught_up(connection):
            return True
        marks = {
            name: (done, closed)
            for name, done, closed in connection.execute("SELECT name, done, closed FROM segments")
        }
        behind = 0
        for name in self._lines.names():
            done, closed = marks.get(name, (0, False))
            size = self._lines.size(name)
            if size is None and not done and not closed:
                return True
            behind += max((size or 0) - done, 0)
        return behind > LAG

    def _connection(self) -> sqlite3.Connection:
        """Return this thread's connection to the current index."""
        found = identity(self._data_dir)
        held: tuple[tuple[int, ...], sqlite3.Connection] | None = getattr(self._local, "held", None)
        if held is None or held[0] != found:
            self._forget()
            held = self._local.held = (found, open_for_reading(self._data_dir))
        return held[1]

    def _forget(self) -> None:
        held = getattr(self._local, "held", None)
        self._local.held = None
        if held is not None:
            held[1].close()
