"""Answers of an engine that are held for a moment: two hundred people look at the same figures at the same time."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import attr

Rows = list[tuple[Any, ...]]

#: Answers that are held, and the most rows of one that is.
HELD, LONGEST = 256, 5_000


@attr.define(eq=False)
class _Answer:
    """One answer, or the asking for it.

    :ivar lock: held by whoever asks; the others wait for the same rows.
    """

    lock: threading.Lock = attr.field(factory=threading.Lock)
    rows: Rows | None = None
    at: float = 0.0


class AnswerCache:
    """Holds what statements have found. May be used by several threads.

    Invariants: the statement is the whole key, and holds the condition of a role, so that nobody is answered from
    what another was; one that is asked by several at once is asked of the engine once; after `clear` nothing is
    answered that was asked before it.

    :param seconds: how old an answer may be.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._lock = threading.Lock()
        self._held: OrderedDict[str, _Answer] = OrderedDict()

    def get(self, statement: str, ask: Callable[[str], Rows]) -> Rows:
        """Return what a statement finds, asked now where that is not held."""
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
        """Forget everything: there are other calls now."""
        with self._lock:
            self._held.clear()

    def _answer(self, statement: str) -> _Answer:
        with self._lock:
            answer = self._held.setdefault(statement, _Answer())
            self._held.move_to_end(statement)
            while len(self._held) > HELD:
                self._held.popitem(last=False)
            return answer
