"""Runs of JSON texts that differ in one string only, as the events of a stream do whose text comes in small pieces.

A run is read at once: its first text for all, and the strings as one list. What is found is exactly what reading the
texts one by one would give; whatever is not certainly a run is left alone.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import attr
import msgspec

from ccsproxy.wire.jsontext import JsonError, loads

#: Fewer texts are read one by one.
_SHORTEST = 3
#: After so many failures in a row no further run is looked for.
_MOST_FAILURES = 4
#: So many bytes at the beginning of all texts of a run are the same.
_ALIKE = 8
#: Stands where the strings differ while the rest is read. Nothing that holds its first letter is read as a run.
_MARK = "\ue000differs"
_MARK_BYTES = _MARK.encode("utf-8")
_MARK_BEGINS = "\ue000".encode()
_strings = msgspec.json.Decoder(list[str]).decode


@attr.frozen
class TextRun:
    """Texts that follow one another and differ in one string.

    :ivar start: the place of the first.
    :ivar end: the place after the last.
    :ivar value: the value that they hold, with `text` for the string that differs.
    :ivar holder: the object or array within it that holds that string.
    :ivar key: where it is there.
    :ivar text: the strings of all of them, joined.
    """

    start: int
    end: int
    value: Any
    holder: Any
    key: Any
    text: str


def runs(texts: Sequence[bytes]) -> Iterator[TextRun | int]:
    """Cut a row of texts into runs and single texts, in order.

    :return: each run, or the place of a text that is in none.
    """
    at, failures, count = 0, 0, len(texts)
    while at < count:
        # A batch whose first events are no run rarely has one later, and looking costs as much as reading.
        run = _run(texts, at) if count - at >= _SHORTEST and failures < _MOST_FAILURES else None
        if run is None:
            failures += 1
            yield at
            at += 1
        else:
            failures = 0
            yield run
            at = run.end


def _run(texts: Sequence[bytes], start: int) -> TextRun | None:
    frame = _frame(texts[start], texts[start + 1])
    value = _value(*frame) if frame is not None else None
    place = _place(value)
    if frame is None or place is None:
        return None
    before, after = frame
    least = len(before) + len(after)
    end, cut = start, -len(after)
    parts: list[bytes] = []
    for end in range(start, len(texts)):
        one = texts[end]
        if not (one.startswith(before) and one.endswith(after) and len(one) >= least):
            break
        parts.append(one[len(before) : cut])
    else:
        end = len(texts)
    text = _joined(parts) if len(parts) >= _SHORTEST else None
    if text is None:
        return None
    holder, key = place
    holder[key] = text
    return TextRun(start, end, value, holder, key, text)


def _frame(one: bytes, other: bytes) -> tuple[bytes, bytes] | None:
    """Return what two texts have in common before and after one string, quotation marks included."""
    if one[:_ALIKE] != other[:_ALIKE]:
        return None
    closing = one.rfind(b'"')
    opening = one.rfind(b'"', 0, max(closing, 0)) + 1
    if opening and other.startswith(one[:opening]) and other.endswith(one[closing:]):
        return one[:opening], one[closing:]
    shorter = min(len(one), len(other))
    # To the quotation mark, not to where the letters part: two strings may begin alike.
    before = one.rfind(b'"', 0, _common(one, other, shorter)) + 1
    common = _common(one[::-1], other[::-1], shorter - before)
    after = one.find(b'"', len(one) - common)
    if not before or after < before:
        return None
    return one[:before], one[after:]


def _common(one: bytes, other: bytes, most: int) -> int:
    """Return in how many first bytes two texts agree, up to a limit."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def _value(before: bytes, after: bytes) -> Any:
    """Read what surrounds the strings, the mark in their place; None where that is no JSON, or has a mark itself."""
    around = before + after
    if _MARK_BEGINS in around or b"\\ue000" in around.lower():
        return None
    try:
        return loads(before + _MARK_BYTES + after)
    except JsonError:
        return None


def _joined(parts: list[bytes]) -> str | None:
    """Read the strings and join them; None where they are not certainly one string each."""
    strings = b'["%b"]' % b'","'.join(parts)
    # Joined by `","`, an escaped quotation mark at the end of a part would join two strings to one.
    if b'\\","' in strings or strings.endswith(b'\\"]'):
        return None  # the quotation mark that ends one of them may be escaped
    try:
        read = _strings(strings)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    # As many strings as parts: no part holds a quotation mark that is not escaped.
    return "".join(read) if len(read) == len(parts) else None


def _place(value: Any) -> tuple[Any, Any] | None:
    """Return where the mark stands as a whole string; None where it does not, or not only there."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        node = waiting.pop()
        children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, child in children:
            if isinstance(child, dict | list):
                waiting.append(child)
            elif child == _MARK:
                found.append((node, key))
    return found[0] if len(found) == 1 else None
