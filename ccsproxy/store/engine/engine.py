"""The interface of an engine, and SQL that all of them understand.

Queries use one relation, ``exchanges``, with the columns of a summary and ``key``, ``host``, ``user`` and ``labels``;
calls are searched for texts with `Engine.first_containing`.
"""

from collections.abc import Sequence
from typing import Any, Protocol

#: The largest order key that an engine's column can contain.
LARGEST = (1 << 63) - 1


class EngineError(Exception):
    """An engine does not answer; the message is one sentence without secrets."""


class Engine(Protocol):
    """An engine. May be used by several threads.

    :ivar exchanges: the relation of facts, each call once.
    :ivar repeated: the same, possibly with duplicates of calls; cheaper where that does not matter.
    """

    exchanges: str
    repeated: str

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement: texts, numbers, lists and None; times as text.

        :raises EngineError: if the engine does not answer.
        """

    def records(self, rows: Sequence[tuple[str, str, str, str, int, int]]) -> dict[str, bytes]:
        """Return the JSON of records by their ids; those that no longer exist are omitted.

        :param rows: id, host, start, segment, offset and length of each.
        :raises EngineError: if the engine does not answer.
        """

    def literal(self, text: str) -> str:
        """Format a text as a literal."""

    def any_of(self, column: str, values: Sequence[str]) -> str:
        """Return the condition that a column of lists has one of some values."""

    def any_in(self, column: str) -> str:
        """Return the condition that a column of lists has any value."""

    def any_contains(self, column: str, text: str) -> str:
        """Return the condition that a text is contained in one of a column of lists, ignoring case."""

    def contains(self, column: str, text: str) -> str:
        """Return the condition that a text is contained in a column, ignoring case."""

    def phrase_condition(self, words: Sequence[str], open_ended: bool) -> str:
        """Return the condition that words are consecutive in ``text``.

        :param open_ended: whether the last one is a prefix.
        """

    def first_containing(self, condition: str, floor: int | None, ceiling: int | None) -> str:
        """Return a statement for the order keys of the calls that were the first of their session to contain
        something.

        :param condition: on ``text``, as `phrase_condition` builds it.
        :param floor: older calls are excluded, so that texts only in them need not be read; None for all.
        :param ceiling: calls from this key on are excluded.
        """

    def newest(self) -> int:
        """Return the order key of the newest call or a later one, 0 if there is none.

        :raises EngineError: if the engine does not answer.
        """

    def since(self, ms: int) -> str:
        """Return the condition that a call started at a time or later, such that older ones need not be read.

        :param ms: milliseconds since the epoch.
        """

    def day(self, key: str) -> str:
        """Return the expression for the day (UTC) of an order key."""

    def each_of(self, column: str) -> str:
        """Return the expression for one row per value of a column of lists."""

    def counted(self, expression: str) -> str:
        """Return the expression that counts each integer value except null, as a mapping."""

    def moment(self, column: str) -> str:
        """Return the expression for a time as text, in the form of records; null stays null."""

    def whole(self, number: str) -> str:
        """Return the expression for a number rounded down to an integer."""


def phrase(words: Sequence[str], open_ended: bool) -> str:
    """Return an RE2 expression for consecutive words, for text in lower case."""
    apart = r"[^\pL\pN]"
    end = "" if open_ended else f"($|{apart})"
    return f"(^|{apart})" + f"{apart}+".join(word.lower() for word in words) + end


def bounds(floor: int | None, ceiling: int | None) -> str:
    """Return the condition that a key lies between two others, to be appended to another condition."""
    above = "" if floor is None else f" AND key >= {min(floor, LARGEST)}"
    return above + ("" if ceiling is None else f" AND key < {min(ceiling, LARGEST)}")
