"""Header lines as they travel: found and cut out of the bytes in which they came, and which of them end at each hop.

Most lines of a head concern neither us nor its framing. They are never taken apart: one expression finds the others
in 0.8 us where making 20 pairs takes 6.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

#: A line that was found: name and value in lower case, where it begins, and where the next line does.
Line = tuple[bytes, bytes, int, int]

#: Fields that concern one connection only and are never forwarded (RFC 9110 section 7.6.1).
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

#: Fields meant for all recipients: a ``Connection`` that nominates one of them is not obeyed (RFC 9110, 7.6.1).
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

#: ``Connection`` options that name no field that would still have to be removed.
_PLAIN_OPTIONS = frozenset({b"close", b"keep-alive", b"upgrade", b"te", b""}) | HOP_BY_HOP


class Finder:
    """Finds the lines of some fields, and passes over all others.

    :param names: the fields' names in lower case.
    """

    def __init__(self, names: Iterable[bytes]) -> None:
        choice = b"|".join(map(re.escape, sorted(names)))
        self._matches = re.compile(rb"\n(" + choice + rb"):([^\r]*)").finditer

    def __call__(self, lines: bytes) -> list[Line]:
        """Find them.

        :param lines: header lines, each with its line end.
        :return: the lines in their order.
        """
        found = []
        # With a line end before the first line, a match begins where its line does in ``lines``.
        for match in self._matches(b"\n" + lines.lower()):
            name, value = match.groups()
            start, end = match.span()
            found.append((name, value.strip(b" \t"), start, end + 1))
        return found


class Connection(NamedTuple):
    """What ``Connection`` says.

    :ivar options: its members in lower case.
    :ivar nominated: those of them that name a field which has to be removed for it.
    """

    options: frozenset[bytes]
    nominated: frozenset[bytes]


@lru_cache(64)
def connection(value: bytes) -> Connection:
    """Read the value of ``Connection``; nearly all heads have the same few."""
    options = frozenset(split_list(value))
    return Connection(options, options - _PLAIN_OPTIONS - ESSENTIAL)


def nominated_lines(lines: bytes, found: Iterable[Line]) -> list[tuple[int, int]]:
    """Find the lines of further fields that ``Connection`` declares to end at this hop.

    :param lines: header lines.
    :param found: those of them that a `Finder` of ``Connection`` finds, and others.
    :return: where each begins, and where the next line does.
    """
    names = {each for name, value, _, _ in found if name == b"connection" for each in connection(value).nominated}
    return [(start, end) for _, _, start, end in Finder(names)(lines)] if names else []


def end_to_end(lines: bytes, found: Iterable[Line]) -> bytes:
    """Leave out what ends at this hop: the fields of `HOP_BY_HOP` and those that ``Connection`` nominates.

    :param lines: header lines.
    :param found: those of them that a `Finder` of `HOP_BY_HOP` finds, and others.
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
