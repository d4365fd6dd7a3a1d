"""Secrets in encoded form: in base64, and with characters written as escapes."""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator

from ccsproxy.redaction.search.finding import FoundSecret

Find = Callable[[bytes], list[FoundSecret]]

#: Prefixes of tokens that are also recognised in base64: enough of their letters do not depend on the alignment.
_BEGINNINGS = (
    *("-----BEGIN ", "sk-ant-", "sk-proj-", "github_pat_", "ghp_", "ghs_", "glpat-", "npm_", "xoxb-", "sk_live_"),
    *("AKIA", "AIzaSy", "postgres", "mysql://", "mongodb", "password", "PASSWORD", "_SECRET", "_TOKEN=", "API_KEY"),
)
#: Longer runs are data, not text; of a key file they are the beginning.
_LONGEST = 16384
_BACK = 64
_RUN = re.compile(rb"[A-Za-z0-9+/_-]*={0,2}")
_LEFT = re.compile(rb"[A-Za-z0-9+/_-]*\Z")
_PRINTABLE = bytes(range(32, 127)) + b"\n\r\t"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def _phases() -> Iterator[str]:
    """Yield the base64 of each prefix after 0, 1 and 2 other bytes, without the letters that depend on those."""
    for text in _BEGINNINGS:
        for before in range(3):
            plain = b"\0" * before + text.encode()
            encoded = b64encode(plain).decode().rstrip("=")
            first, last = (0, 2, 3)[before], len(plain) * 8 // 6
            if last - first >= 5:
                yield encoded[first:last]


#: The pattern of prefixes in base64.
ENCODED = "|".join(re.escape(each) for each in dict.fromkeys(_phases()))
_ENCODED = re.compile(ENCODED.encode())
#: The pattern of a letter, digit or hyphen that is escaped without need.
ESCAPED = r"\\u00(?:3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|2[dD]|5[fF])"
_ESCAPE = re.compile(rb"\\+u00([2-7][0-9A-Fa-f])")
_ESCAPES = re.compile(rb"(?:\\+u00[2-7][0-9A-Fa-f])+")
_ESCAPE_BEGINS = re.compile(rb"\\+u00")


def find_encoded(text: bytes, start: int, find: Find) -> tuple[FoundSecret | None, int]:
    """Return the base64 around a position if it encodes a secret, and where to continue.

    :param find: searches the decoded text.
    """
    if _ENCODED.match(text, start) is None:
        return None, start
    left = _LEFT.search(text[max(start - _BACK, 0) : start])
    begin = start - (len(left.group()) if left else 0)
    run = _RUN.match(text, begin, begin + _LONGEST)
    assert run is not None  # noqa: S101 - it may be empty, but is always there
    for skipped in range(4):  # the letters before may belong to something else
        secret = _secret_of(_decoded(run.group()[skipped:]), find)
        if secret is not None:
            return FoundSecret(begin, run.end(), secret.kind, secret.secret), run.end()
    return None, run.end()


def _decoded(encoded: bytes) -> bytes:
    letters = encoded.rstrip(b"=").translate(_URL_SAFE)
    letters = letters[:-1] if len(letters) % 4 == 1 else letters
    return b64decode(letters + b"=" * (-len(letters) % 4))


def _secret_of(plain: bytes, find: Find) -> FoundSecret | None:
    """Return the first secret in decoded base64, None if it is not text."""
    head = plain[:64]
    if len(head.translate(None, _PRINTABLE)) * 10 > len(head):
        return None
    found = find(plain)
    return found[0] if found else None


def find_escaped(text: bytes, start: int, find: Find) -> tuple[list[FoundSecret], int]:
    """Return the secrets around a letter written as an escape, and where to continue.

    :param find: searches the text with its letters unescaped.
    """
    begin, end = max(start - _BACK, 0), start + _LONGEST
    found = [
        each._replace(start=begin + each.start, end=begin + each.end) for each in _in_escaped(text[begin:end], find)
    ]
    return found, max(end - 2 * _BACK, found[-1].end if found else 0)


def _in_escaped(text: bytes, find: Find) -> list[FoundSecret]:
    plain = _ESCAPES.sub(_letters, text)
    found = find(plain)
    return _moved(text, found) if found else []


def _letters(escapes: re.Match[bytes]) -> bytes:
    """Decode several consecutive escapes."""
    return bytes.fromhex(_ESCAPE_BEGINS.sub(b"", escapes.group()).decode("ascii"))


def _moved(text: bytes, found: list[FoundSecret]) -> list[FoundSecret]:
    """Map the positions of findings in the unescaped text to the text as written."""
    ends: list[tuple[int, int]] = [(0, 0)]
    position = size = 0
    for escape in _ESCAPE.finditer(text):
        size += escape.start() - position + 1
        position = escape.end()
        ends.append((size, position))
    return [each._replace(start=_place(ends, each.start, False), end=_place(ends, each.end, True)) for each in found]


def _place(ends: list[tuple[int, int]], position: int, is_end: bool) -> int:
    """Map a position in the unescaped text to the text as written; `ends` are the ends of escapes in both."""
    low, high = 0, len(ends)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if ends[middle][0] <= position else (low, middle)
    if not is_end and low + 1 < len(ends) and ends[low + 1][0] == position + 1:
        return ends[low][1] + (position - ends[low][0])
    return ends[low][1] + (position - ends[low][0])
