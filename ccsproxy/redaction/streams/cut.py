"""JSON that was cut off: reads its beginning, and writes it again."""

import re
from typing import Any

import attr

from ccsproxy.wire.jsontext import JsonError, dumps, loads

#: What opens or closes something; between two of these stand numbers, names, commas, colons and blanks.
_STRUCTURE = re.compile(r'["\[\]{}]')
#: Goes on within a string. The count is bounded because the engine remembers each round of a repetition, at 120 bytes
#: a round: an unbounded one took 1.3 GB for a string of 10 MB.
_WITHIN_STRING = re.compile(r'(?:[^"\\]+|\\u[0-9A-Fa-f]{4}|\\[^u]){1,512}', re.DOTALL)
#: An escape that the cut has parted.
_HALF_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{0,3})?\Z")
_CLOSER = {"{": "}", "[": "]"}


@attr.frozen
class Cut:
    """The readable part of a cut JSON text.

    :ivar value: what it holds.
    :ivar closing: what was added to make it JSON.
    :ivar rest: what was left out because its value is missing.
    """

    value: Any
    closing: str
    rest: str

    def written(self, value: Any) -> str:
        """Write a changed value as it would have been cut, without the rest."""
        return dumps(value).decode("utf-8").removesuffix(self.closing)


def read_cut(text: str) -> Cut | None:
    """Read the beginning of a JSON object or array; None where the text is no such beginning."""
    if text[:1] not in ("{", "["):
        return None
    head, closing = _head_of(text)
    try:
        return Cut(loads(head + closing), closing, text[len(head) :])
    except JsonError:
        return None


def _head_of(text: str) -> tuple[str, str]:
    """Return as much of the text as becomes JSON when it is closed, and what closes it."""
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
    """Whether what begins somewhere is the name of a member.

    :param before: where the last string or bracket before it ended.
    """
    if closing[:1] != "}" or text[start : start + 1] != '"':
        return False
    between = text[before:start].rstrip()
    return between[-1:] == "," or (not between and text[before - 1 : before] == "{")


def _end_of_values(text: str, start: int, end: int) -> int | None:
    """Return where the last whole value ends in a stretch without strings and brackets, None where it has none.

    A number at its very end may go on.
    """
    value = text[start:end].rstrip()
    if start + len(value) < end and value[-1:] not in ("", ",", ":"):
        return start + len(value)
    comma = value.rfind(",")
    value = value[: max(comma, 0)].rstrip()
    return start + len(value) if value else None


def _end_of_string(text: str, start: int) -> tuple[int, bool]:
    """Return the place behind a string, and whether it is closed; what is cut off ends before half an escape."""
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
        position += 1  # no escape that JSON knows: who reads the whole refuses it
