"""Secrets in the rows of SQL's ``INSERT``, which are named by the list of columns before them."""

import re
from collections.abc import Iterator

from ccsproxy.redaction.kinds.formats import token_at
from ccsproxy.redaction.kinds.named.assignments import kind_of
from ccsproxy.redaction.kinds.named.names import Strength, strength
from ccsproxy.redaction.kinds.named.values import Style, is_secret_value
from ccsproxy.redaction.search.finding import FoundSecret

#: The pattern of the beginning of the first row.
ROWS = r"\b(?:values|VALUES|Values)(?:\s|\\+n)*\([ ]*(?:\\*['\"]|[0-9]|[nN][uU]|[dD]efault)"
_BEGINS = re.compile(rb"(?:values|VALUES|Values)(?:\s|\\+n)*")
#: How much before the rows is examined; less than `ccsproxy.redaction.search.verdicts.WINDOW`.
_BEFORE = 180
_COLUMNS = re.compile(rb"\(([\w\s`\"\\.,\[\]]{2,160})\)(?:\s|\\+n)*\Z")
_NAME = re.compile(rb"[\w.]+")
#: A value of a row: a text whose quotation mark may be doubled, or anything else up to the next comma.
_VALUE = re.compile(
    rb"\s*(?:[nNeE]?(?P<quote>\\*['\"])(?P<text>(?:(?!(?P=quote)).){0,400})(?P=quote)|(?P<other>[^,()'\"]{0,80}))\s*"
)
_BETWEEN_ROWS = re.compile(rb"\)(?:\s|\\+n)*,(?:\s|\\+n)*(?=\()")


def find_rows(text: bytes, start: int) -> list[FoundSecret]:
    """Return the secrets in the rows of a statement that begin at a position; other columns may hold more."""
    begins = _BEGINS.match(text, start)
    columns = _COLUMNS.search(text[max(start - _BEFORE, 0) : start]) if begins else None
    if begins is None or columns is None:
        return []
    names = [name.group().rpartition(b".")[2].decode() for name in _NAME.finditer(columns.group(1))]
    levels = [(name, strength(name)) for name in names]
    return list(_in_rows(text, begins.end(), levels)) if any(level for _, level in levels) else []


def _in_rows(text: bytes, position: int, levels: list[tuple[str, Strength]]) -> Iterator[FoundSecret]:
    """Yield the secrets of all rows, in order."""
    while text[position : position + 1] == b"(":
        position += 1
        for name, level in levels:
            value = _VALUE.match(text, position)
            if value is None:
                return
            if value.group("text") and level:
                secret = value.group("text")
                if is_secret_value(secret, level, Style.QUOTED, name.encode()):
                    token = token_at(text, value.start("text"))
                    yield token or FoundSecret(*value.span("text"), kind_of(name), secret)
            position = value.end() + 1
            if text[value.end() : position] != b",":
                break
        between = _BETWEEN_ROWS.match(text, position - 1)
        if between is None:
            return
        position = between.end()
