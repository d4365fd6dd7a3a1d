"""The credentials in requests to LLM APIs: finding them in a head, and replacing them."""

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from ccsproxy.wire.headers import Finder

#: Fields that carry credentials. Sources: the providers' API references (Anthropic ``x-api-key``, Google
#: ``x-goog-api-key``, Azure ``api-key``, all others ``Authorization``).
_find = Finder({b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key"})
#: Google's APIs also accept the key as a query parameter.
_QUERY_KEY = re.compile(rb"(?<=[?&])key=([^&#]*)&?")


def credentials(lines: bytes, target: bytes) -> list[bytes]:
    """Return every credential in a request, in the order of its lines.

    :param lines: header lines, each with its CRLF.
    :param target: with its query.
    """
    shown = [_value(name, lines[start:end]) for name, _, start, end in _find(lines)]
    shown += [unquote_to_bytes(match[1]) for match in _QUERY_KEY.finditer(target)]
    return [each for each in shown if each]


def with_credential(lines: bytes, line: bytes) -> bytes:
    """Return header lines with one line in place of all credentials, at the position of the first one.

    :param line: with its CRLF.
    """
    pieces, position, placed = [], 0, False
    for _, _, start, end in _find(lines):
        pieces.append(lines[position:start])
        if not placed:
            pieces.append(line)
        position, placed = end, True
    return b"".join([*pieces, lines[position:], b"" if placed else line])


def without_key(target: bytes) -> bytes:
    """Return a target with the key removed from its query."""
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
