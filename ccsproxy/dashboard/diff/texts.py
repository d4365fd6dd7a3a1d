"""Compares two texts by lines, and changed lines by words, with bounded work for any texts."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

import attr

#: Lines of context around a change, and the maximum number of lines of a comparison.
AROUND, SHOWN = 3, 400
#: Differing lines of one text beyond which they are not aligned.
ALIGNED = 1200
#: Characters of two lines up to which they are compared by words, and pairs of such lines in one text.
BY_WORDS, PAIRS = 600, 40
#: Line lengths beyond which a line is broken at the end of a sentence, and anywhere.
LONG, LONGEST = 240, 2000

_SENTENCE = re.compile(r"(?<=[.;!?,}\]])\s+")
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")

#: The pieces of a line, each with whether it differs.
Pieces = tuple[tuple[str, bool], ...]


@attr.frozen
class TextLine:
    """A line of a comparison.

    :ivar kind: ``added``, ``removed``, ``same``, or ``gap`` for lines that are left out.
    """

    kind: str
    pieces: Pieces

    @property
    def text(self) -> str:
        """The whole line, unchanged parts included."""
        return "".join(text for text, _ in self.pieces)


def compare_texts(before: str, after: str, by_words: bool = True) -> list[TextLine]:
    """Compare two texts; unchanged lines are left out except for a few around each change.

    :param by_words: whether changed lines are compared by words.
    """
    old, new = _lines(before), _lines(after)
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    changed = _changes(old[head : len(old) - tail], new[head : len(new) - tail], PAIRS if by_words else 0)
    whole = [*_same(old[:head], True, False), *changed, *_same(old[len(old) - tail :], False, True)]
    if len(whole) <= SHOWN:
        return whole
    return [*whole[:SHOWN], _gap(f"… {len(whole) - SHOWN:,} more lines of the comparison are not shown")]


def _lines(text: str) -> list[str]:
    return [part for line in text.splitlines() for part in _broken(line)]


def _broken(line: str) -> Iterator[str]:
    """Break a long line at the ends of sentences, so that a change affects only a part of it."""
    if len(line) <= LONG:
        yield line
        return
    for part in _SENTENCE.split(line):
        for at in range(0, max(len(part), 1), LONGEST):
            yield part[at : at + LONGEST]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _changes(old: Sequence[str], new: Sequence[str], pairs: int) -> Iterator[TextLine]:
    if len(old) * len(new) > ALIGNED * ALIGNED:
        yield _gap(f"{len(old):,} and {len(new):,} differing lines are too many to be aligned")
        yield from (_line("removed", line) for line in old[: SHOWN // 3])
        yield from (_line("added", line) for line in new[: SHOWN // 3])
        yield _gap(f"… {len(old):,} lines removed and {len(new):,} added in all")
        return
    # Of long texts difflib may take frequent lines for junk, which is fast; short ones are compared exactly.
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=len(old) + len(new) > 600).get_opcodes():
        if tag == "equal":
            yield from _same(old[a:b], False, False)
        elif tag == "replace" and b - a == d - c:
            yield from _replaced(old[a:b], new[c:d], pairs)
            pairs = max(pairs - (b - a), 0)
        else:
            yield from (_line("removed", line) for line in old[a:b])
            yield from (_line("added", line) for line in new[c:d])


def _replaced(old: Sequence[str], new: Sequence[str], most: int) -> list[TextLine]:
    """Mark the words that differ in lines that took the place of one another."""
    pairs = [
        _by_words(one, other) if at < most else (((one, False),), ((other, False),))
        for at, (one, other) in enumerate(zip(old, new, strict=True))
    ]
    removed = [TextLine("removed", pair[0]) for pair in pairs]
    return [*removed, *(TextLine("added", pair[1]) for pair in pairs)]


def _by_words(one: str, other: str) -> tuple[Pieces, Pieces]:
    if len(one) + len(other) > BY_WORDS:
        return ((one, False),), ((other, False),)
    old, new = _WORDS.findall(one), _WORDS.findall(other)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    # Two lines that share little would be marked in more pieces than anybody can read.
    if matcher.ratio() < 0.4:
        return ((one, False),), ((other, False),)
    left: list[tuple[str, bool]] = []
    right: list[tuple[str, bool]] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        differs = tag != "equal"
        left.append(("".join(old[a:b]), differs))
        right.append(("".join(new[c:d]), differs))
    return tuple(each for each in left if each[0]), tuple(each for each in right if each[0])


def _same(lines: Sequence[str], first: bool, last: bool) -> Iterator[TextLine]:
    """Yield lines that stayed, those far from any change left out."""
    head, tail = 0 if first else AROUND, 0 if last else AROUND
    if len(lines) <= head + tail + 1:
        yield from (_line("same", line) for line in lines)
        return
    yield from (_line("same", line) for line in lines[:head])
    yield _gap(f"… {len(lines) - head - tail:,} lines as before")
    yield from (_line("same", line) for line in lines[len(lines) - tail :])


def _line(kind: str, text: str) -> TextLine:
    return TextLine(kind, ((text, False),))


def _gap(text: str) -> TextLine:
    return TextLine("gap", ((text, False),))
