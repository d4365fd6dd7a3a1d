"""Truncated JSON: parses the part that is there, and writes it again."""

import re
from typing import Any

import attr

from ccsproxy.wire.jsontext import JsonError, dumps, loads

#: Opens or closes something; between two of these there are numbers, names, commas, colons and spaces.
_STRUCTURE = re.compile(r'["\[\]{}]')
#: Continues within a string. The count is bounded because the engine stores each iteration of a repetition, at 120
#: bytes each: an unbounded one took 1.3 GB for a string of 10 MB.
_WITHIN_STRING = re.compile(r'(?:[^"\\]+|\\u[0-9A-Fa-f]{4}|\\[^u]){1,512}', re.DOTALL)
#: A truncated escape.
_HALF_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{0,3})?\Z")
_CLOSER = {"{": "}", "[": "]"}


@attr.frozen
class Cut:
    """The part of a truncated JSON text that can be parsed.

    :ivar value: the parsed value.
    :ivar closing: what was appended to make it valid JSON.
    :ivar rest: the end of the text, left out because its value is missing.
    """

    value: Any
    closing: str
    rest: str

    def written(self, value: Any) -> str:
        """Serialise a changed value, truncated in the same way, without the rest."""
        return dumps(value).decode("utf-8").removesuffix(self.closing)


def read_cut(text: str) -> Cut | None:
    """Parse the beginning of a JSON object or array; None if the text is not one."""
    if text[:1] not in ("{", "["):
        return None
    head, closing = _head_of(text)
    try:
        return Cut(loads(head + closing), closing, text[len(head) :])
    except JsonError:
        return None


def _head_of(text: str) -> tuple[str, str]:
    """Return the longest prefix that can be completed to JSON, and what completes it."""
    closers: list[str] = []
    before, start, position, closed = 0, 0, 0, True
    while closed and (match := _STRUCTURE.search(text, position)):
        before, start, position = position, match.start(), match.end()
        mark = match.group()
        if mark == '"':
            position, closed = _end_of_string(text, position)
        elif mark in _CLOSER:
            closers.append(_CLOSER[mark])
        elif closers:
            closers.pop()
    closing = "".join(reversed(closers))
    if closed and (end := _end_of_values(text, position, len(text))) is not None:
        return text[:end], closing
    if not _is_key(text, before, start, closing):
        return text[:position], closing if closed else '"' + closing
    end = _end_of_values(text, before, start)
    return text[: before if end is None else end], closing


def _is_key(text: str, before: int, start: int, closing: str) -> bool:
    """Tell whether the string at a position is a member name.

    :param before: where the last string or bracket before it ended.
    """
    if closing[:1] != "}" or text[start : start + 1] != '"':
        return False
    between = text[before:start].rstrip()
    return between[-1:] == "," or (not between and text[before - 1 : before] == "{")


def _end_of_values(text: str, start: int, end: int) -> int | None:
    """Return the end of the last complete value in a range without strings and brackets, None if there is none.

    A number at the very end may be truncated.
    """
    value = text[start:end].rstrip()
    if start + len(value) < end and value[-1:] not in ("", ",", ":"):
        return start + len(value)
    comma = value.rfind(",")
    value = value[: max(comma, 0)].rstrip()
    return start + len(value) if value else None


def _end_of_string(text: str, start: int) -> tuple[int, bool]:
    """Return the position after a string, and whether it is closed; a truncated one ends before an incomplete
    escape.
    """
    end = text.find('"', start) + 1
    if end and text.find("\\", start, end) < 0:
        return end, True
    position = start
    while True:
        while match := _WITHIN_STRING.match(text, position):
            position = match.end()
        if text[position : position + 1] == '"':
            return position + 1, True
        if position >= len(text) or _HALF_ESCAPE.match(text, position):
            return position, False
        position += 1  # not a JSON escape: a parser of the whole text will reject it
