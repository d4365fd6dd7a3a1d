"""Secrets in a column of a table whose first line names it: CSV, values separated by tabs, Markdown, ``psql``."""

import re
from collections.abc import Iterator

from ccsproxy.redaction.kinds.formats import token_at
from ccsproxy.redaction.kinds.named.assignments import kind_of
from ccsproxy.redaction.kinds.named.names import Strength, strength
from ccsproxy.redaction.kinds.named.values import Style, is_secret_value
from ccsproxy.redaction.search.finding import FoundSecret

#: How much before the name is examined; less than `ccsproxy.redaction.search.verdicts.WINDOW`.
_BEFORE = 160
_MOST_ROWS = 1000
#: A table without a secret in so many rows is none: otherwise each line could be the first of a long table.
_MOST_WITHOUT = 3
_LONGEST_ROW = 2000
#: The first line: short names of columns, two at least.
_HEAD = re.compile(rb"[\w .\"`*-]{0,40}(?:[,|\t][\w .\"`*-]{0,40}){1,12}\Z")
_SEPARATORS = (b"|", b"\t", b",")
_RULE = re.compile(rb"[|+: \t-]+\Z")
_FRAME = b" \t\"`'*\r"


def find_column(text: bytes, start: int) -> list[FoundSecret]:
    """Return the secrets below a name at a position, if that is in the first line of a table."""
    before = max(start - _BEFORE, 0)
    begin = max(text.rfind(b"\n", before, start) + 1, before)
    end = text.find(b"\n", start, start + _BEFORE)
    if end < 0 or _HEAD.match(text, begin, end) is None:
        return []
    head = text[begin:end]
    sign = next((each for each in _SEPARATORS if each in head), b"")
    names = [name.strip(_FRAME) for name in head.split(sign)] if sign else []
    if len(names) < 2:
        return []
    place = text.count(sign, begin, start)
    spelled = names[place].replace(b" ", b"_").decode("utf-8", "replace")
    level = strength(spelled)
    return list(_below(text, end + 1, sign, len(names), place, spelled)) if level >= Strength.STRONG else []


def _below(text: bytes, position: int, sign: bytes, width: int, place: int, name: str) -> Iterator[FoundSecret]:
    """Yield the secrets of a column, row by row, as far as the rows have as many cells."""
    without = 0
    for _ in range(_MOST_ROWS):
        end = text.find(b"\n", position, position + _LONGEST_ROW)
        end = min(len(text), position + _LONGEST_ROW) if end < 0 else end
        cells = text[position:end].split(sign)
        if len(cells) != width:
            return
        at = position + sum(len(cell) + 1 for cell in cells[:place])
        value = cells[place].strip(_FRAME)
        at += cells[place].find(value)
        if not _RULE.match(text, position, end) and is_secret_value(
            value, strength(name), Style.LITERAL, name.encode()
        ):
            without = 0
            yield token_at(text, at) or FoundSecret(at, at + len(value), kind_of(name), value)
        else:
            without += 1
        position = end + 1
        if position >= len(text) or without >= _MOST_WITHOUT:
            return
