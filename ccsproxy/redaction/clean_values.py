"""A cache of header lines without secrets: most lines of a head are the same as in the previous call."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from ccsproxy.redaction.kinds.named.names import secret_field
from ccsproxy.redaction.search.rules import Rules

T = TypeVar("T")
#: Longer values are searched each time, so that the cache stays small.
_LONGEST = 256


class CleanValueCache:
    """Remembers lines in which neither the name, nor the value, nor the rules indicate a secret; no other lines."""

    def __init__(self, rules: Rules, most: int = 1024) -> None:
        """Create an empty cache.

        :param most: maximum number of lines; when it is exceeded, the cache is cleared.
        """
        self._rules = rules
        self._most = most
        self._lines: set[Any] = set()

    def unknown(self, lines: Iterable[T]) -> list[T]:
        """Return the lines, in order, that are not in the cache; lines of bytes never are."""
        known = self._lines
        return [line for line in lines if line not in known]

    def secret(self, lines: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return the lines whose name marks them as secret."""
        return {line for line in lines if secret_field(*line)}

    def are(self, lines: Sequence[tuple[str, str]]) -> bool:
        """Tell whether the rules find no secret in any value; if false, there may be one.

        :param lines: without those that are secret by name or contain a credential within their value.
        """
        if not lines:
            return True
        if self._rules.may_hold([value for _, value in lines]):
            return False
        # Clear everything: which line will come again is unknown, and the next head adds those that do.
        if len(self._lines) > self._most:
            self._lines.clear()
        self._lines.update([line for line in lines if len(line[1]) <= _LONGEST])
        return True
