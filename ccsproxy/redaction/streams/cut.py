"""Truncated JSON: parses the part that is there, and writes it again."""

import re
from typing import Any

import attr

from ccsproxy.wire.jsontext import JsonError, dumps, loads

#: Opens or closes something; between two of these there are numbers, names, commas, colons and spaces.
_STRUCTURE = re.compile(rb'["\[\]{}]')
#: Continues within a string. The count is bounded because the engine stores each iteration of a repetition, at 120
#: bytes each: an unbounded one took 1.3 GB for a string of 10 MB.
_WITHIN_STRING = re.compile(rb'(?:[^"\\]+|\\u[0-9A-Fa-f]{4}|\\[^u]){1,512}', re.DOTALL)
#: A truncated escape.
_HALF_ESCAPE = re.compile(rb"\\(?:u[0-9A-Fa-f]{0,3})?\Z")
#: Half a character as `read_cut` writes it.
_HALF_CHARACTER = re.compile(rb"\xed[\xa0-\xbf]")
_CLOSER = {b"{": b"}", b"[": b"]"}


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
    try:
        return read_cut_bytes(bytearray(text, "utf-8"))
    except UnicodeEncodeError:  # half a character, which has no form in UTF-8
        return read_cut_bytes(bytearray(text, "utf-8", "surrogatepass"))


def read_cut_bytes(data: bytearray) -> Cut | None:
    """Parse the beginning of a JSON object or array in UTF-8; None if it is not one.

    :param data: is closed in place, since it may be megabytes long, and is of no use afterwards if it is one.
    """
    if data[:1] not in (b"{", b"["):
        return None
    end, closing = _head_of(data)
    rest = data[end:]
    data[end:] = closing
    try:
        value = _loads(data)
    except JsonError:
        data[end:] = rest
        return None
    return Cut(value, closing.decode("ascii"), _text(rest))


def _loads(data: bytearray) -> Any:
    return loads(data if _HALF_CHARACTER.search(data) is None else _text(data))


def _text(data: bytearray) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def _head_of(text: bytearray) -> tuple[int, bytes]:
    """Return the length of the longest prefix that can be completed to JSON, and what completes it."""
    closers: list[bytes] = []
    before, start, position, closed = 0, 0, 0, True
    while closed and (match := _STRUCTURE.search(text, position)):
        before, start, position = position, match.start(), match.end()
        mark = match.group()
        if mark == b'"':
            position, closed = _end_of_string(text, position)
        elif mark in _CLOSER:
            closers.append(_CLOSER[mark])
        elif closers:
            closers.pop()
    closing = b"".join(reversed(closers))
    if closed and (end := _end_of_values(text, position, len(text))) is not None:
        return end, closing
    if not _is_key(text, before, start, closing):
        return position, closing if closed else b'"' + closing
    end = _end_of_values(text, before, start)
    return before if end is None else end, closing


def _is_key(text: bytearray, before: int, start: int, closing: bytes) -> bool:
    """Tell whether the string at a position is a member name.

    :param before: where the last string or bracket before it ended.
    """
    if closing[:1] != b"}" or text[start : start + 1] != b'"':
        return False
    between = text[before:start].rstrip()
    return between[-1:] == b"," or (not between and text[before - 1 : before] == b"{")


def _end_of_values(text: bytearray, start: int, end: int) -> int | None:
    """Return the end of the last complete value in a range without strings and brackets, None if there is none.

    A number at the very end may be truncated.
    """
    value = text[start:end].rstrip()
    if start + len(value) < end and value[-1:] not in (b"", b",", b":"):
        return start + len(value)
    comma = value.rfind(b",")
    value = value[: max(comma, 0)].rstrip()
    return start + len(value) if value else None


def _end_of_string(text: bytearray, start: int) -> tuple[int, bool]:
    """Return the position after a string, and whether it is closed; a truncated one ends before an incomplete
    escape.
    """
    end = text.find(b'"', start) + 1
    if end and text.find(b"\\", start, end) < 0:
        return end, True
    position = start
    while True:
        while match := _WITHIN_STRING.match(text, position):
            position = match.end()
        if text[position : position + 1] == b'"':
            return position + 1, True
        if position >= len(text) or _HALF_ESCAPE.match(text, position):
            return position, False
        position += 1  # not a JSON escape: a parser of the whole text will reject it
