"""Long runs of base64 in a text: data, in which no names or sentences are searched for.

Media and archives consist of megabytes of it. The automaton of the complete pattern keeps meeting new combinations
of letters there, each of which costs it a state; the automaton of one kind of secret has far fewer states.
"""

import re
from collections.abc import Iterator

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_=-"
#: In a run that is broken into lines, only ``=`` may precede a line end: elsewhere it may follow a name.
_RUN = re.compile(rb"(?:[A-Za-z0-9+/_-]{60,}+={0,2}\r?\n)*+[A-Za-z0-9+/_=-]*")
_BREAKS = (b"", b"\n", b"\r\n")
#: Texts are sampled once per `_STEP` letters, `_SAMPLE` letters each, so a missed run is shorter than two steps.
_STEP = 1024
_SAMPLE = 64
#: Shorter runs are not worth a separate search.
SHORTEST = 2 * _STEP


def data_runs(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the long runs of base64 in a text, in order."""
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
