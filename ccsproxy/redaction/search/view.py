r"""The text as the engine sees it: escapes are decoded, and every character keeps its position.

An escaped line end before a token, a colour of a terminal, ``%3D`` and ``\u003d`` for ``=`` would each cost the
engine's automaton many states. Here they become what they mean, filled up with blanks to the same length, so that
every place in the view is the same place in the text. Texts without such are their own view, which the engine tells.
"""

import re
from functools import partial

#: The expression of what makes a view necessary.
ESCAPES = r"%(?:[2-7][0-9A-F]|[23][a-f]|0[ADad])|\\u00[0-7]|\\(?:033|x1[bB]|e)\[|\x1b\[|&quot;|&#(?:34|61);"
#: What tells that an escape is there, the expression of one or several, and how many letters one has; 0 where each
#: is its own length.
_ESCAPES = (
    ((b"[",), re.compile(rb"(?:\x1b|\\+(?:u001[bB]|x1[bB]|033|e))\[[0-9;]*[mK]"), 0),
    ((b"%",), re.compile(rb"(?:%[0-9A-Fa-f]{2})+"), 3),
    ((b"\\x",), re.compile(rb"(?:\\x[0-9A-Fa-f]{2})+"), 4),
    ((b"\\u00",), re.compile(rb"(?:\\u00(?:0[0-9A-Fa-f]|2[0-9A-CEFa-cef]|3[A-Fa-f]))+"), 6),
    ((b"&quot;", b"&#"), re.compile(rb"&(?:quot|#34|#61);"), 0),
)
_NAMED = {b"&quot;": b'"', b"&#34;": b'"', b"&#61;": b"="}
#: What letters become: only signs that stand between words are what they are, all others are blanks.
_SIGNS = bytes(code if 0x21 <= code < 0x7F and not chr(code).isalnum() else 0x20 for code in range(256))


def view_of(text: bytes) -> bytes:
    """Return a text of the same length in which nothing is escaped."""
    for signs, escape, length in _ESCAPES:
        if any(sign in text for sign in signs):
            text = escape.sub(partial(_plain, length), text)
    return text


def _plain(length: int, escapes: re.Match[bytes]) -> bytes:
    """Return the signs that escapes stand for where they are such as stand between words, else blanks."""
    written = escapes.group()
    if not length:
        return _NAMED.get(written, b" ").ljust(len(written))
    letters = bytes.fromhex(written.replace(written[: length - 2], b"").decode("ascii"))
    if len(letters) == 1:
        return letters.translate(_SIGNS).ljust(length)
    plain = bytearray(b" " * len(written))
    plain[::length] = letters.translate(_SIGNS)
    return bytes(plain)
