"""Header lines that have been searched already: most of a head repeats that of the previous call."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from ccsproxy.redaction.kinds.named.names import secret_field
from ccsproxy.redaction.search.rules import Rules

T = TypeVar("T")
#: Longer values are searched each time, so that what is remembered stays small.
_LONGEST = 256


class CleanValueCache:
    """Remembers lines without secrets: by their name, within their value, and by the rules; nothing else ever."""

    def __init__(self, rules: Rules, most: int = 1024) -> None:
        """Remember nothing yet.

        :param most: how many lines are remembered; when they are more, all are forgotten.
        """
        self._rules = rules
        self._most = most
        self._lines: set[Any] = set()

    def unknown(self, lines: Iterable[T]) -> list[T]:
        """Return the lines, in order, of which nothing is known; lines of bytes are never known."""
        known = self._lines
        return [line for line in lines if line not in known]

    def secret(self, lines: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return the lines that are secret by their name."""
        return {line for line in lines if secret_field(*line)}

    def are(self, lines: Sequence[tuple[str, str]]) -> bool:
        """Tell whether no value holds a secret by the rules; where it says false, one may.

        :param lines: of which none is secret by its name or has a credential within its value.
        """
        if not lines:
            return True
        if self._rules.may_hold([value for _, value in lines]):
            return False
        # All at once: which one will come again is not known, and the next head fills it with those that do.
        if len(self._lines) > self._most:
            self._lines.clear()
        self._lines.update([line for line in lines if len(line[1]) <= _LONGEST])
        return True
