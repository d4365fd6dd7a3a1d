"""The regular-expression engine: google-re2 where it has a wheel, otherwise Python's own.

RE2 reads a text once whatever the pattern (about 500 MB/s), and releases the interpreter lock. Where it has no wheel
(musl), the same patterns are searched by ``re`` at 3 to 10 MB/s: they use only syntax that has the same meaning in
both, and no look-around, which RE2 does not support. Both give the same matches.
"""

import re
from typing import Protocol

try:
    import re2
except ImportError:  # pragma: no cover - where there is no wheel; tests select the other engine by name
    re2 = None

#: Maximum memory of a pattern's automaton before its state cache is flushed.
_MEMORY = 64 << 20
_NOWHERE = -1


class PatternEngine(Protocol):
    """Searches for one pattern."""

    def search(self, text: bytes, start: int, end: int) -> tuple[int, int] | None:
        """Return the range of the leftmost match between two positions, None if there is none."""


class LinearEngine:
    """A pattern in RE2's automaton."""

    def __init__(self, pattern: bytes) -> None:
        """Compile a pattern of bytes; ``\\b`` considers ASCII letters only.

        :raises ValueError: if RE2 rejects it.
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
        # The wrapper's generators cost a microsecond per match, as much as the match itself.
        self._match, self._unanchored = compiled._regexp.Match, re2._re2.RE2.Anchor.UNANCHORED

    def search(self, text: bytes, start: int, end: int) -> tuple[int, int] | None:
        """Return the range of the leftmost match between two positions, None if there is none."""
        found: tuple[int, int] = self._match(self._unanchored, text, start, end)[0]
        return None if found[0] == _NOWHERE else found


class BacktrackingEngine:
    """A pattern in Python's own engine."""

    def __init__(self, pattern: bytes) -> None:
        """Compile a pattern of bytes.

        :raises ValueError: if it is invalid.
        """
        try:
            self._search = re.compile(pattern).search
        except re.error as reason:
            raise ValueError(str(reason)) from None

    def search(self, text: bytes, start: int, end: int) -> tuple[int, int] | None:
        """Return the range of the leftmost match between two positions, None if there is none."""
        found = self._search(text, start, end)
        return None if found is None else found.span()


def _sentence(reason: Exception) -> str:
    text = reason.args[0] if reason.args else ""
    message = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    if message.startswith("invalid perl operator"):
        return f"{message}, since what looks around cannot be searched in the same time for every text"
    return message


def make_engine(pattern: bytes) -> PatternEngine:
    """Return the best available engine for a pattern.

    :raises ValueError: if the pattern is invalid, or not supported by that engine.
    """
    return BacktrackingEngine(pattern) if re2 is None else LinearEngine(pattern)
