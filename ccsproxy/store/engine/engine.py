"""What an engine has to offer, and how SQL is written that each of them reads.

One relation is asked, ``exchanges``, whose columns are those of a summary with ``key``, ``host``, ``user`` and
``labels``; what calls say is found by `Engine.first_said`.
"""

from collections.abc import Sequence
from typing import Any, Protocol

#: The largest order key that an engine's column can hold.
LARGEST = (1 << 63) - 1


class EngineError(Exception):
    """An engine does not answer; the message is one sentence without secrets."""


class Engine(Protocol):
    """An engine. May be used by several threads.

    :ivar exchanges: the relation of facts, each call once.
    :ivar repeated: the same, which may have a call several times; where that does not matter it costs less.
    """

    exchanges: str
    repeated: str

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what a statement finds: texts, numbers, lists and None; times as text.

        :raises EngineError: when the engine does not answer.
        """

    def records(self, rows: Sequence[tuple[str, str, str, str, int, int]]) -> dict[str, bytes]:
        """Return the JSON of records by their ids; those that are kept no more are left out.

        :param rows: of each id, host, start, segment, offset and length.
        :raises EngineError: when the engine does not answer.
        """

    def literal(self, text: str) -> str:
        """Write a text as a literal."""

    def any_of(self, column: str, values: Sequence[str]) -> str:
        """Write that a column of lists has one of some values."""

    def any_in(self, column: str) -> str:
        """Write that a column of lists has any value."""

    def any_contains(self, column: str, text: str) -> str:
        """Write that a text is contained in one of a column of lists, whatever the case."""

    def contains(self, column: str, text: str) -> str:
        """Write that a text is contained in a column, whatever the case."""

    def phrase_condition(self, words: Sequence[str], open_ended: bool) -> str:
        """Write that words follow one another in ``text``.

        :param open_ended: whether the last one may go on.
        """

    def first_said(self, condition: str, floor: int | None, ceiling: int | None) -> str:
        """Write a statement that finds the order keys of the calls that were the first of their session to say it.

        :param condition: on ``text``, as `phrase_condition` builds it.
        :param floor: no older calls are meant, so that what only they say need not be read; None for all.
        :param ceiling: no calls from this key on are meant.
        """

    def newest(self) -> int:
        """Return the order key of the newest call or a later one, 0 when there is none.

        :raises EngineError: when the engine does not answer.
        """

    def since(self, ms: int) -> str:
        """Write that a call began at a time or later, such that older ones need not be read.

        :param ms: milliseconds since the epoch.
        """

    def day(self, key: str) -> str:
        """Write the day (UTC) of an order key."""

    def each_of(self, column: str) -> str:
        """Write one row for each value of a column of lists."""

    def counted(self, expression: str) -> str:
        """Write how often each whole number is met that an expression is, but for null, as a mapping."""

    def moment(self, column: str) -> str:
        """Write a time as text, as records write it; null stays null."""

    def whole(self, number: str) -> str:
        """Write a number rounded down, as a whole one."""


def phrase(words: Sequence[str], open_ended: bool) -> str:
    """Write words that follow one another as an expression of RE2, for text in lower case."""
    apart = r"[^\pL\pN]"
    end = "" if open_ended else f"($|{apart})"
    return f"(^|{apart})" + f"{apart}+".join(word.lower() for word in words) + end


def bounds(floor: int | None, ceiling: int | None) -> str:
    """Write that a key lies between two others, behind another condition."""
    above = "" if floor is None else f" AND key >= {min(floor, LARGEST)}"
    return above + ("" if ceiling is None else f" AND key < {min(ceiling, LARGEST)}")
