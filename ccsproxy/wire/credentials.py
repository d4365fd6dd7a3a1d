"""The credentials that requests to LLM APIs show: where they stand in a head, and how another takes their place."""

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from ccsproxy.wire.headers import Finder

#: Fields in which clients show who they are. Sources: the providers' API references (Anthropic ``x-api-key``, Google
#: ``x-goog-api-key``, Azure ``api-key``, all others ``Authorization``).
_find = Finder({b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key"})
#: Google's APIs take the key as a parameter, too.
_QUERY_KEY = re.compile(rb"(?<=[?&])key=([^&#]*)&?")


def credentials(lines: bytes, target: bytes) -> list[bytes]:
    """Return every credential that a request shows, in the order of its lines.

    :param lines: header lines, each with its line end.
    :param target: with its query.
    """
    shown = [_value(name, lines[start:end]) for name, _, start, end in _find(lines)]
    shown += [unquote_to_bytes(match[1]) for match in _QUERY_KEY.finditer(target)]
    return [each for each in shown if each]


def with_credential(lines: bytes, line: bytes) -> bytes:
    """Return header lines in which one line stands for every credential that was shown, at the first one's place.

    :param line: with its line end.
    """
    pieces, position, placed = [], 0, False
    for _, _, start, end in _find(lines):
        pieces.append(lines[position:start])
        if not placed:
            pieces.append(line)
        position, placed = end, True
    return b"".join([*pieces, lines[position:], b"" if placed else line])


def without_key(target: bytes) -> bytes:
    """Return a target without a key in its query."""
    left = _QUERY_KEY.sub(b"", target)
    return left.rstrip(b"?&") if left != target else target


def _value(name: bytes, line: bytes) -> bytes:
    value = line.partition(b":")[2].strip()
    if name != b"authorization":
        return value
    scheme, _, shown = value.partition(b" ")
    if scheme.lower() == b"basic":
        try:
            return base64.b64decode(shown.strip(), validate=True).partition(b":")[2]
        except binascii.Error:
            return b""
    return shown.strip() if scheme.lower() == b"bearer" else value
