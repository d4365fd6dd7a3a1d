"""Header lines as bytes, just as they came: read into pairs only by whoever needs pairs.

The relay forwards lines and hands them to capture without taking them apart; the request parser has made sure that
each is a name, a colon, a value without control bytes, and CRLF.
"""

import re

#: Header lines as they were spelled on the wire, in their order, repeated names included.
RawHeaders = list[tuple[bytes, bytes]]

_LINE = re.compile(rb"([^:\r\n]+):[ \t]*([^\r]*)\r\n")
_TEXT_LINE = re.compile(r"([^:\r\n]+):[ \t]*([^\r]*)\r\n")


def pairs(lines: bytes) -> RawHeaders:
    """Read header lines.

    :param lines: each with its line end; without the empty line that ends a head.
    :return: names as spelled, values without the blanks around them.
    """
    # Blanks behind values are rare, and a pattern that takes them off costs every line twice its time.
    found: RawHeaders = _LINE.findall(lines)
    if b" \r\n" in lines or b"\t\r\n" in lines:
        return [(name, value.rstrip(b" \t")) for name, value in found]
    return found


def text_pairs(lines: bytes) -> list[tuple[str, str]]:
    """Read header lines as `pairs` does, as text; nothing where they are not all UTF-8."""
    try:
        text = lines.decode("utf-8")
    except UnicodeDecodeError:
        return []
    found: list[tuple[str, str]] = _TEXT_LINE.findall(text)
    if b" \r\n" in lines or b"\t\r\n" in lines:
        return [(name, value.rstrip(" \t")) for name, value in found]
    return found


def joined(headers: RawHeaders) -> bytes:
    """Write header lines, without the empty line that ends a head."""
    return b"".join([b"%b: %b\r\n" % pair for pair in headers])
