"""Remembers verdicts within one text, so that repeated text is judged once.

A log has the same line a thousand times, and a text may be made so that nearly every letter is a place to judge. What
has the same surroundings has the same verdict; and where the text itself repeats, in a period, the places in it need
not even be searched.
"""

from collections.abc import Iterator

import attr

from ccsproxy.redaction.search.finding import FoundSecret

#: From so many places on, verdicts are kept, so many, with so much of the text on both sides.
_MANY = 64
_MOST = 2048
WINDOW = 200
#: What begins something that is judged by more: blocks, members of keys in JSON.
_FAR = (b"----", b"PuTTY", b'"d')
#: The longest period that is looked for, and how much of a repetition is compared at once.
_LONGEST_PERIOD = 4096
_STEP = 64 << 10


@attr.define
class _Verdict:
    """What was judged of one place.

    :ivar on: how far behind the place the search goes on.
    :ivar findings: what was found, counted from the place.
    :ivar last: where the last place with this verdict is.
    :ivar count: how many findings the text had before that place.
    """

    on: int
    findings: list[FoundSecret]
    last: int
    count: int


class Verdicts:
    """Remembers verdicts of one text.

    A judgement looks at no more than the window around a place; those that look farther are not kept. Nothing is kept
    before a text has many such places.
    """

    def __init__(self) -> None:
        self._places = 0
        self._key: tuple[int, bytes] | None = None
        self._end = 0
        self._known: dict[tuple[int, bytes], _Verdict] = {}

    def known(self, text: bytes, start: int, end: int, findings: list[FoundSecret], last: int) -> int | None:
        """Note what is known of a place, and return where to go on; None where it has to be judged.

        Where the text repeats itself from here on, what is found in each period is noted too.

        :param last: no place behind it is judged this way.
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
        """Keep what was judged of the place that was asked for last.

        :param position: where the search goes on.
        :param findings: what was found there.
        :param count: how many findings there were before.
        """
        key = self._key
        if key is None or position > self._end - 2 or key[1].startswith(_FAR, key[0]):
            return
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key] = _Verdict(position - start, list(_moved(findings, -start)), start, count)


def _moved(findings: list[FoundSecret], by: int) -> Iterator[FoundSecret]:
    return (FoundSecret(each.start + by, each.end + by, each.kind, each.secret) for each in findings)


def _repeated(text: bytes, begin: int, period: int, last: int) -> int:
    """Return how far from a place on a text is what it was one period before."""
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
