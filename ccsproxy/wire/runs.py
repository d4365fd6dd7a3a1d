"""Runs of JSON texts that differ in a single string, such as stream events with small pieces of text.

A run is parsed at once: its first text for all of them, and the strings as one list. The result is exactly that of
parsing the texts one by one; whatever is not certainly a run is left alone.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import attr
import msgspec

from ccsproxy.wire.jsontext import JsonError, loads

#: Fewer texts are parsed one by one.
_SHORTEST = 3
#: After this many failures in a row, no further run is looked for.
_MOST_FAILURES = 4
#: How many bytes at the start of all texts of a run are the same.
_ALIKE = 8
#: Placeholder for the differing strings while the rest is parsed. Text that contains its first character is not taken
#: as a run.
_MARK = "\ue000differs"
_MARK_BYTES = _MARK.encode("utf-8")
_MARK_BEGINS = "\ue000".encode()
_strings = msgspec.json.Decoder(list[str]).decode


@attr.frozen
class TextRun:
    """Consecutive texts that differ in one string.

    :ivar start: the index of the first text.
    :ivar end: the index after the last text.
    :ivar value: their parsed value, with `text` in place of the differing string.
    :ivar holder: the object or array in it that contains that string.
    :ivar key: the key or index of the string there.
    :ivar text: the strings of all texts, joined.
    """

    start: int
    end: int
    value: Any
    holder: Any
    key: Any
    text: str


def runs(texts: Sequence[bytes]) -> Iterator[TextRun | int]:
    """Divide a sequence of texts into runs and single texts, in order.

    :return: each run, or the index of a text that is in none.
    """
    at, failures, count = 0, 0, len(texts)
    while at < count:
        # A batch whose first events are not a run rarely has one later, and searching costs as much as parsing.
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
    # Up to the quotation mark, not to the first difference: two strings may begin with the same letters.
    before = one.rfind(b'"', 0, _common(one, other, shorter)) + 1
    common = _common(one[::-1], other[::-1], shorter - before)
    after = one.find(b'"', len(one) - common)
    if not before or after < before:
        return None
    return one[:before], one[after:]


def _common(one: bytes, other: bytes, most: int) -> int:
    """Return the length of the common prefix of two texts, up to a limit."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def _value(before: bytes, after: bytes) -> Any:
    """Parse what surrounds the strings, with the placeholder in their place; None if it is not JSON, or contains one
    already.
    """
    around = before + after
    if _MARK_BEGINS in around or b"\\ue000" in around.lower():
        return None
    try:
        return loads(before + _MARK_BYTES + after)
    except JsonError:
        return None


def _joined(parts: list[bytes]) -> str | None:
    """Parse the strings and join them; None if they are not certainly one string each."""
    strings = b'["%b"]' % b'","'.join(parts)
    # Joined by `","`, an escaped quotation mark at the end of a part would merge two strings.
    if b'\\","' in strings or strings.endswith(b'\\"]'):
        return None  # the quotation mark that ends one of them may be escaped
    try:
        read = _strings(strings)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    # As many strings as parts: no part contains an unescaped quotation mark.
    return "".join(read) if len(read) == len(parts) else None


def _place(value: Any) -> tuple[Any, Any] | None:
    """Return where the placeholder is a complete string; None if it is not, or not only there."""
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
