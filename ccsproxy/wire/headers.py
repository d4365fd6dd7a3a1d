"""Header lines as raw bytes: finding and removing lines in place, and which fields are hop-by-hop.

Most lines of a head concern neither us nor the framing. They are never parsed: one expression finds the others in 0.8
us, whereas building 20 pairs takes 6.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

#: A line that was found: name and value in lower case, and the offsets of its start and of the next line.
Line = tuple[bytes, bytes, int, int]

#: Fields that concern a single connection and are never forwarded (RFC 9110 section 7.6.1).
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)

#: Fields meant for all recipients: a ``Connection`` that nominates one of them is ignored (RFC 9110, 7.6.1).
ESSENTIAL = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"anthropic-beta",
        b"anthropic-version",
        b"api-key",
        b"authorization",
        b"cache-control",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"cookie",
        b"date",
        b"etag",
        b"expect",
        b"host",
        b"location",
        b"openai-beta",
        b"origin",
        b"retry-after",
        b"set-cookie",
        b"user-agent",
        b"vary",
        b"www-authenticate",
        b"x-api-key",
        b"x-goog-api-key",
    }
)

#: ``Connection`` options that do not nominate a field which would still have to be removed.
_PLAIN_OPTIONS = frozenset({b"close", b"keep-alive", b"upgrade", b"te", b""}) | HOP_BY_HOP


class Finder:
    """Finds the lines of certain fields, and skips all others.

    :param names: the fields' names in lower case.
    """

    def __init__(self, names: Iterable[bytes]) -> None:
        choice = b"|".join(map(re.escape, sorted(names)))
        self._matches = re.compile(rb"\n(" + choice + rb"):([^\r]*)").finditer

    def __call__(self, lines: bytes) -> list[Line]:
        """Find the lines.

        :param lines: header lines, each with its CRLF.
        :return: the lines in order.
        """
        found = []
        # With a line end put before the first line, a match's offset is that of its line in ``lines``.
        for match in self._matches(b"\n" + lines.lower()):
            name, value = match.groups()
            start, end = match.span()
            found.append((name, value.strip(b" \t"), start, end + 1))
        return found


class Connection(NamedTuple):
    """The parsed value of ``Connection``.

    :ivar options: its options in lower case.
    :ivar nominated: those that nominate a field to be removed.
    """

    options: frozenset[bytes]
    nominated: frozenset[bytes]


@lru_cache(64)
def connection(value: bytes) -> Connection:
    """Parse the value of ``Connection``; nearly all heads have the same few."""
    options = frozenset(split_list(value))
    return Connection(options, options - _PLAIN_OPTIONS - ESSENTIAL)


def nominated_lines(lines: bytes, found: Iterable[Line]) -> list[tuple[int, int]]:
    """Find the lines that ``Connection`` nominates as hop-by-hop.

    :param lines: header lines.
    :param found: the lines found by a `Finder` that includes ``Connection``.
    :return: the offsets of each line's start and of the next line.
    """
    names = {each for name, value, _, _ in found if name == b"connection" for each in connection(value).nominated}
    return [(start, end) for _, _, start, end in Finder(names)(lines)] if names else []


def end_to_end(lines: bytes, found: Iterable[Line]) -> bytes:
    """Remove hop-by-hop lines: the fields in `HOP_BY_HOP` and those that ``Connection`` nominates.

    :param lines: header lines.
    :param found: the lines found by a `Finder` that includes `HOP_BY_HOP`.
    :return: the other lines, byte for byte and in order.
    """
    cuts = [(start, end) for name, _, start, end in found if name in HOP_BY_HOP]
    if not cuts:
        return lines
    pieces, position = [], 0
    for start, end in sorted(cuts + nominated_lines(lines, found)):
        pieces.append(lines[position:start])
        position = end
    pieces.append(lines[position:])
    return b"".join(pieces)


def split_list(value: bytes) -> list[bytes]:
    """Split a list-valued field's value into its lower-case members; empty members are left out."""
    members = (member.strip(b" \t") for member in value.lower().split(b","))
    return [member for member in members if member]
