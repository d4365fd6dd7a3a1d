"""Finding secrets in text that holds JSON: the string after a secret key, at any depth of quoting.

Works on JSON as it stands, on JSON within JSON strings (tool arguments), on pieces of either, and on the dictionaries
that programs print. The text is not parsed, so that a cut one is searched just as well.
"""

import re
from collections.abc import Iterator

from ccsproxy.redaction.names import secret_key
from ccsproxy.redaction.shapes import Span

#: The ends of the secret keys' names, as a literal to look for and what may follow it.
_ENDS = (
    *(("oken", ""), ("ecret", ""), ("assw", "(?:or)?d"), ("assphrase", ""), ("ey", "(?:_?id)?"), ("redential", "")),
    *(("uthorization", ""), ("ookie", ""), ("uth", "")),
)
_REST = r"(?P<quote>\\{0,63}[\"'])\s{0,20}:\s{0,20}(?P<open>\\{0,63}[\"']|[\[{])"
_MEMBERS = tuple(
    (literal, re.compile(f"{literal}(?i:{more}s?){_REST}")) for end, more in _ENDS for literal in (end, end.upper())
)
_LONGEST_KEY = 64
_STRUCTURE = re.compile(r"[\[\]{}]|\\{0,63}[\"']")
_KEY_ENDS = re.compile(r"\s{0,20}:")
#: What the schema of a parameter begins with, which is no value of it.
_SCHEMA = re.compile(
    r"\s{0,20}\\{0,63}[\"'](?:\$ref|anyOf|oneOf|allOf|enum|description|title"
    r"|type\\{0,63}[\"']\s{0,20}:\s{0,20}\\{0,63}[\"'](?:string|object|array|number|integer|boolean|null))\\{0,63}[\"']"
)
_MARK = re.compile(r"[\"'\n]")


def find_members(text: str) -> Iterator[Span]:
    """Yield where the text values of secret keys stand."""
    if not _has_keys(text):
        return
    for end, member in _MEMBERS:
        if end in text:
            yield from _find(text, member)


def may_hold_members(text: str) -> bool:
    """Tell whether a secret key seems to stand anywhere, before some value that is text.

    True wherever `find_members` finds something, and where what it finds would overlap, be empty or be a schema.
    """
    if not _has_keys(text):
        return False
    return any(
        secret_key(_key_before(text, match.start("quote"), match.group("quote")))
        for end, member in _MEMBERS
        if end in text
        for match in member.finditer(text)
    )


def _has_keys(text: str) -> bool:
    return '":' in text or "':" in text or '" :' in text or "' :" in text


def _find(text: str, member: re.Pattern[str]) -> Iterator[Span]:
    position = 0
    while match := member.search(text, position):
        position = match.end()
        quote = match.group("quote")
        if not secret_key(_key_before(text, match.start("quote"), quote)):
            continue
        if match.group("open") == quote:
            position = _end_of_string(text, match.end(), quote)
            if position > match.end():
                yield match.end(), position
        elif match.group("open") in "[{" and not _SCHEMA.match(text, match.end()):
            spans, position = _strings_within(text, match.start("open"), quote)
            yield from spans


def _strings_within(text: str, start: int, quote: str) -> tuple[list[Span], int]:
    """Return where the strings of an object or array stand that are no keys, and where it ends."""
    spans: list[Span] = []
    depth, position = 0, start
    while found := _STRUCTURE.search(text, position):
        position = found.end()
        mark = found.group()
        if mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
            if depth <= 0:
                return spans, position
        elif mark == quote:
            end = _end_of_string(text, position, quote)
            if end > position and not _KEY_ENDS.match(text, end + len(quote)):
                spans.append((position, end))
            position = end + len(quote)
    return spans, len(text)


def _key_before(text: str, end: int, quote: str) -> str:
    start = max(end - _LONGEST_KEY - len(quote), 0)
    found = text.rfind(quote, start, end)
    return "" if found < 0 else text[found + len(quote) : end]


def _end_of_string(text: str, start: int, quote: str) -> int:
    """Return where a string ends that was opened with this mark.

    A mark that is escaped n times stands behind 2**n - 1 reversed solidi; within the string, a further level of
    escaping adds multiples of 2**(n + 1). A line end cannot stand in a string and ends a cut one.
    """
    escapes = len(quote) - 1
    for found in _MARK.finditer(text, start):
        at = found.start()
        mark = text[at]
        if mark == "\n":
            return at
        if mark != quote[-1]:
            continue
        if _escapes_before(text, start, at) % (2 * (escapes + 1)) == escapes:
            return at - escapes
    return len(text)


def _escapes_before(text: str, start: int, end: int) -> int:
    position = end
    while position > start and text[position - 1] == "\\":
        position -= 1
    return end - position
