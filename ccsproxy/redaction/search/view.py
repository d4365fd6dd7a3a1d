r"""The text as the engine sees it: what is written as an escape stands there plainly, each letter in its own place.

An escaped line end before a token, a colour of a terminal, ``%3D`` and ``\u003d`` for ``=`` would each cost the
engine's automaton many states. Here they become what they mean, filled up with blanks to the same length, so that
every place in the view is the same place in the text. Texts without such are their own view, which the engine tells.
"""

import re

#: The expression of what makes a view necessary.
ESCAPES = r"%(?:[2-7][0-9A-F]|[23][a-f]|0[ADad])|\\u00[0-7]|\\(?:033|x1[bB]|e)\[|\x1b\[|&quot;|&#(?:34|61);"
#: What tells that an escape is there, and its expression, which begins with a fixed letter: that makes it quick.
_ESCAPES = (
    ((b"[",), re.compile(rb"(?:\x1b|\\+(?:u001[bB]|x1[bB]|033|e))\[[0-9;]*[mK]")),
    ((b"%",), re.compile(rb"%[0-9A-Fa-f]{2}")),
    ((b"\\",), re.compile(rb"\\(?:x[0-9A-Fa-f]{2}|u00(?:0[0-9A-Fa-f]|2[0-9A-CEFa-cef]|3[A-Fa-f]))")),
    ((b"&quot;", b"&#"), re.compile(rb"&(?:quot|#34|#61);")),
)
_NAMED = {b"&quot;": b'"', b"&#34;": b'"', b"&#61;": b"="}
_PRINTABLE = range(0x21, 0x7F)


def view_of(text: bytes) -> bytes:
    """Return a text of the same length in which nothing is escaped."""
    for signs, escape in _ESCAPES:
        if any(sign in text for sign in signs):
            text = escape.sub(_plain, text)
    return text


def _plain(escape: re.Match[bytes]) -> bytes:
    """Return the sign that an escape stands for where it is one that stands between words, else a blank."""
    written = escape.group()
    sign = _NAMED.get(written)
    if sign is None:
        code = 0x20 if written[-1:] in b"mK" else int(written[-2:], 16)
        sign = bytes((code,))
        if code not in _PRINTABLE or sign.isalnum():
            sign = b" "
    return sign + b" " * (len(written) - 1)
