"""Long runs of base64 in a text: data, in which no names or sentences are looked for.

Media and archives come as megabytes of it. The automaton of all that is looked for meets new combinations of letters
there again and again, each of which costs it a state; one kind of secret at a time knows far fewer.
"""

import re
from collections.abc import Iterator

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_=-"
#: In a stretch that is broken into lines a line ends with ``=`` at most: in its middle it may stand behind a name.
_RUN = re.compile(rb"(?:[A-Za-z0-9+/_-]{60,}+={0,2}\r?\n)*+[A-Za-z0-9+/_=-]*")
_BREAKS = (b"", b"\n", b"\r\n")
#: A text is looked at in steps of so many letters, at so many letters each time: a stretch that is missed is shorter
#: than two steps.
_STEP = 1024
_SAMPLE = 64
#: Shorter stretches are not worth a search of their own.
SHORTEST = 2 * _STEP


def data_runs(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the long stretches of base64 in a text begin and end, in order."""
    position, last = _STEP, len(text) - _SAMPLE
    while position < last:
        if text[position : position + _SAMPLE].translate(None, _LETTERS) not in _BREAKS:
            position += _STEP
            continue
        begin = position - _STEP + len(text[position - _STEP : position].rstrip(_LETTERS))
        end = _RUN.match(text, begin).end()  # type: ignore[union-attr]
        if end - begin >= SHORTEST:
            yield begin, end
        position = max(end, position) + _STEP
