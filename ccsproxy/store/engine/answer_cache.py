"""A short-lived cache of an engine's results: two hundred people look at the same figures at the same time."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import attr

Rows = list[tuple[Any, ...]]

#: Maximum number of cached results, and maximum number of rows of one.
HELD, LONGEST = 256, 5_000


@attr.define(eq=False)
class _Answer:
    """One result, or the query for it in progress.

    :ivar lock: held by the thread that queries; the others wait for the same rows.
    """

    lock: threading.Lock = attr.field(factory=threading.Lock)
    rows: Rows | None = None
    at: float = 0.0


class AnswerCache:
    """Caches the results of statements. May be used by several threads.

    Invariants: the statement is the whole key, and contains the condition of a role, so that nobody gets another
    role's results; a statement needed by several threads at once is run once; after `clear`, nothing that was queried
    before is returned.

    :param seconds: maximum age of a result.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._lock = threading.Lock()
        self._held: OrderedDict[str, _Answer] = OrderedDict()

    def get(self, statement: str, ask: Callable[[str], Rows]) -> Rows:
        """Return the result of a statement, queried now if it is not cached."""
        answer = self._answer(statement)
        with answer.lock:
            if answer.rows is not None and self._clock() - answer.at < self._seconds:
                return answer.rows
            at, answer.rows = self._clock(), None
            rows = ask(statement)
            if len(rows) <= LONGEST:
                answer.rows, answer.at = rows, at
            return rows

    def clear(self) -> None:
        """Drop everything: there are new calls."""
        with self._lock:
            self._held.clear()

    def _answer(self, statement: str) -> _Answer:
        with self._lock:
            answer = self._held.setdefault(statement, _Answer())
            self._held.move_to_end(statement)
            while len(self._held) > HELD:
                self._held.popitem(last=False)
            return answer
