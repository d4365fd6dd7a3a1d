"""The regular-expression engine: google-re2 where it has a wheel, otherwise Python's own.

RE2 reads a text once whatever the expression (about 500 MB/s), and other threads run meanwhile. Where it has no wheel
(musl), the same expressions are searched by ``re`` at 3 to 10 MB/s: they are written in what both read alike, and
without a look-around, which RE2 has not. Both give the same matches.
"""

import re
from typing import Protocol

try:
    import re2
except ImportError:  # pragma: no cover - where there is no wheel; tests ask for the other engine by name
    re2 = None

#: Memory that the automaton of an expression may take before it begins anew.
_MEMORY = 64 << 20
_NOWHERE = -1


class PatternEngine(Protocol):
    """Searches for one expression."""

    def search(self, text: bytes, start: int, end: int) -> tuple[int, int] | None:
        """Return where the leftmost match between two places begins and ends, None for none."""


class LinearEngine:
    """An expression in RE2's automaton."""

    def __init__(self, pattern: bytes) -> None:
        """Compile an expression of bytes; ``$`` and ``\\b`` know ASCII letters only.

        :raises ValueError: when RE2 does not read it.
        """
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.max_mem = _MEMORY
        options.log_errors = False
        options.never_capture = True
        try:
            compiled = re2.compile(pattern, options)
        except re2.error as reason:
            raise ValueError(_sentence(reason)) from None
        # The wrapper's generators cost a microsecond a match, as much as the match itself.
        self._match, self._unanchored = compiled._regexp.Match, re2._re2.RE2.Anchor.UNANCHORED

    def search(self, text: bytes, start: int, end: int) -> tuple[int, int] | None:
        """Return where the leftmost match between two places begins and ends, None for none."""
        found: tuple[int, int] = self._match(self._unanchored, text, start, end)[0]
        return None if found[0] == _NOWHERE else found


class BacktrackingEngine:
    """An expression in Python's own engine."""

    def __init__(self, pattern: bytes) -> None:
        """Compile an expression of bytes.

        :raises ValueError: when it is none.
        """
        try:
            self._search = re.compile(pattern).search
        except re.error as reason:
            raise ValueError(str(reason)) from None

    def search(self, text: bytes, start: int, end: int) -> tuple[int, int] | None:
        """Return where the leftmost match between two places begins and ends, None for none."""
        found = self._search(text, start, end)
        return None if found is None else found.span()


def _sentence(reason: Exception) -> str:
    text = reason.args[0] if reason.args else ""
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    if said.startswith("invalid perl operator"):
        return f"{said}, since what looks around cannot be searched in the same time for every text"
    return said


def make_engine(pattern: bytes) -> PatternEngine:
    """Return the best engine that there is for an expression.

    :raises ValueError: when the expression is none, or none that it reads.
    """
    return BacktrackingEngine(pattern) if re2 is None else LinearEngine(pattern)
