"""A cache of verdicts within one text, so that repeated text is checked once.

A log may contain the same line a thousand times, and an attacker may send a text in which nearly every letter is a
match. Equal surroundings have equal verdicts; and where the text itself is periodic, the matches in it need not even
be searched for.
"""

from collections.abc import Iterator

import attr

from ccsproxy.redaction.search.finding import FoundSecret

#: Verdicts are cached after this many matches, up to a maximum, with this much of the text on both sides.
_MANY = 64
_MOST = 2048
#: A match for each so many letters is a dense text.
_DENSE = 100
WINDOW = 200
#: Beginnings whose verdict depends on more than the window: blocks, members of JSON keys, rows of a statement.
_FAR = (b"----", b"PuTTY", b'"d', b"values", b"VALUES", b"Values")
#: The longest period that is looked for, and how much of a repetition is compared at once.
_LONGEST_PERIOD = 4096
_STEP = 64 << 10


@attr.define
class _Verdict:
    """The verdict on a match.

    :ivar on: how far after the match the search continues.
    :ivar findings: what was found, with positions relative to the match.
    :ivar last: the position of the last match with this verdict.
    :ivar count: the number of findings in the text before that match.
    """

    on: int
    findings: list[FoundSecret]
    last: int
    count: int


class Verdicts:
    """The cached verdicts of one text.

    A check looks only at the window around a match; verdicts of those that look further are not cached. Nothing is
    cached until a text has many matches.
    """

    def __init__(self) -> None:
        self._places = 0
        self._key: tuple[int, bytes] | None = None
        self._end = 0
        self._known: dict[tuple[int, bytes], _Verdict] = {}

    def are_many(self, position: int) -> bool:
        """Return whether nearly every word before a position was a match."""
        return self._places >= _MANY and self._places * _DENSE > position

    def known(self, text: bytes, start: int, end: int, findings: list[FoundSecret], last: int) -> int | None:
        """Apply the cached verdict on a match, and return where to continue; None if it has to be checked.

        Where the text is periodic from here on, the findings of each period are added, too.

        :param last: no match after this position is handled this way.
        """
        self._places += 1
        if self._places < _MANY:
            return None
        begin, self._end = max(start - WINDOW, 0), end + WINDOW
        self._key = (start - begin, text[begin : self._end])
        verdict = self._known.get(self._key)
        if verdict is None:
            return None
        period = start - verdict.last
        reach = max(end, start + verdict.on) - start + 2 * WINDOW + period
        is_period = 0 < period <= _LONGEST_PERIOD  # a view begins a little before the last one ended
        times = (_repeated(text, begin, period, last) - reach) // period if is_period else 0
        if times > 0:
            found = findings[verdict.count :]
            for shift in range(period, times * period + 1, period):
                findings.extend(_moved(found, shift))
            start += times * period
        verdict.last, verdict.count = start, len(findings)
        findings.extend(_moved(verdict.findings, start))
        return start + verdict.on

    def remember(self, start: int, position: int, findings: list[FoundSecret], count: int) -> None:
        """Cache the verdict on the match that was last looked up.

        :param position: where the search continues.
        :param findings: what was found there.
        :param count: the number of findings before.
        """
        key = self._key
        beyond = findings and findings[-1].end > self._end - 2
        if key is None or beyond or position > self._end - 2 or key[1].startswith(_FAR, key[0]):
            return
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key] = _Verdict(position - start, list(_moved(findings, -start)), start, count)


def _moved(findings: list[FoundSecret], by: int) -> Iterator[FoundSecret]:
    return (FoundSecret(each.start + by, each.end + by, each.kind, each.secret) for each in findings)


def _repeated(text: bytes, begin: int, period: int, last: int) -> int:
    """Return how far from a position the text repeats what it was one period before."""
    size, step = 0, 512
    while begin + size < last and step >= 64:
        here = begin + size
        end = min(here + step, last)
        if text[here:end] == text[here - period : end - period]:
            size = end - begin
            step = min(2 * step, _STEP)
        else:
            step //= 2
    return size
