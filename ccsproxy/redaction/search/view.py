r"""The text as the engine sees it: escapes are decoded, and every character keeps its position.

An escaped line end before a token, a terminal colour, and ``%3D`` or ``\u003d`` for ``=`` would each cost the
engine's automaton many states. Here they are replaced by their meaning, padded with spaces to the same length, so
that positions in the view and in the text are the same. A text without escapes is its own view; the engine detects
that.
"""

import re
from functools import partial

#: The pattern of what makes a view necessary.
ESCAPES = r"%(?:[2-7][0-9A-F]|[23][a-f]|0[ADad])|\\u00[0-7]|\\(?:033|x1[bB]|e)\[|\x1b\[|&quot;|&#(?:34|61);"
#: A sign that an escape is present, the pattern of one or several, and the length of one; 0 if lengths vary.
_ESCAPES = (
    ((b"[",), re.compile(rb"(?:\x1b|\\+(?:u001[bB]|x1[bB]|033|e))\[[0-9;]*[mK]"), 0),
    ((b"%",), re.compile(rb"(?:%[0-9A-Fa-f]{2})+"), 3),
    ((b"\\x",), re.compile(rb"(?:\\x[0-9A-Fa-f]{2})+"), 4),
    ((b"\\u00",), re.compile(rb"(?:\\u00(?:0[0-9A-Fa-f]|2[0-9A-CEFa-cef]|3[A-Fa-f]))+"), 6),
    ((b"&quot;", b"&#"), re.compile(rb"&(?:quot|#34|#61);"), 0),
)
_NAMED = {b"&quot;": b'"', b"&#34;": b'"', b"&#61;": b"="}
#: What a decoded letter is replaced by: itself if it is punctuation, otherwise a space.
_SIGNS = bytes(code if 0x21 <= code < 0x7F and not chr(code).isalnum() else 0x20 for code in range(256))


def view_of(text: bytes) -> bytes:
    """Return a text of the same length with escapes decoded."""
    for signs, escape, length in _ESCAPES:
        if any(sign in text for sign in signs):
            text = escape.sub(partial(_plain, length), text)
    return text


def _plain(length: int, escapes: re.Match[bytes]) -> bytes:
    """Return the punctuation that escapes encode, spaces for anything else."""
    written = escapes.group()
    if not length:
        return _NAMED.get(written, b" ").ljust(len(written))
    letters = bytes.fromhex(written.replace(written[: length - 2], b"").decode("ascii"))
    if len(letters) == 1:
        return letters.translate(_SIGNS).ljust(length)
    plain = bytearray(b" " * len(written))
    plain[::length] = letters.translate(_SIGNS)
    return bytes(plain)
