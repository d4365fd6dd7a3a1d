"""Header lines as raw bytes, parsed into pairs only where pairs are needed.

The relay forwards lines and passes them to capture without parsing them; the request parser has ensured that each is
a name, a colon, a value without control bytes, and CRLF.
"""

import re

#: Header fields with names as spelled on the wire, in order, repeated names included.
RawHeaders = list[tuple[bytes, bytes]]

_LINE = re.compile(rb"([^:\r\n]+):[ \t]*([^\r]*)\r\n")


def pairs(lines: bytes) -> RawHeaders:
    """Parse header lines.

    :param lines: each with its CRLF; without the empty line that ends a head.
    :return: names as spelled, values without surrounding blanks.
    """
    # Blanks after values are rare, and a pattern that strips them takes twice as long for every line.
    found: RawHeaders = _LINE.findall(lines)
    if b" \r\n" in lines or b"\t\r\n" in lines:
        return [(name, value.rstrip(b" \t")) for name, value in found]
    return found


def joined(headers: RawHeaders) -> bytes:
    """Format header lines, without the empty line that ends a head."""
    return b"".join([b"%b: %b\r\n" % pair for pair in headers])
