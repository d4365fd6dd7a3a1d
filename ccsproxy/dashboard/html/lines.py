"""A line diff of two texts: removed lines, added lines, and some context around them."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

import attr

from ccsproxy.dashboard.html.markup import h

#: Lines around a change that are shown, and lines of one text beyond which two texts are not compared.
AROUND, MOST = 3, 3000
SIGNS = {"added": "+ ", "removed": "- ", "same": "  ", "gap": "  "}


@attr.frozen
class Line:
    """A line of a comparison.

    :ivar kind: ``added``, ``removed``, ``same``, or ``gap`` for lines that are left out.
    """

    kind: str
    text: str


def compare(before: str, after: str) -> list[Line]:
    """Compare two texts line by line."""
    old, new = before.splitlines(), after.splitlines()
    # difflib is quadratic in the worst case (its documentation), in a thread that other pages wait for.
    if max(len(old), len(new)) > MOST:
        return [*(Line("removed", line) for line in old), *(Line("added", line) for line in new)]
    found: list[Line] = []
    # Its heuristic treats frequent lines of a long text, such as closing braces, as junk, and misses equal blocks.
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            found += _same(old[a:b], a == 0, b == len(old))
        else:
            found += [Line("removed", line) for line in old[a:b]]
            found += [Line("added", line) for line in new[c:d]]
    return found


def show(lines: Sequence[Line], label: str) -> Any:
    """Show a comparison with signs as well as colours."""
    spans = [h.span(SIGNS[line.kind] + line.text + "\n", class_=line.kind) for line in lines]
    return h.pre(spans, class_="lines", tabindex="0", role="group", aria_label=label)


def _same(lines: Sequence[str], first: bool, last: bool) -> Iterator[Line]:
    head = 0 if first else AROUND
    tail = 0 if last else AROUND
    # A gap for a single line would take as much room as the line.
    if len(lines) <= head + tail + 1:
        yield from (Line("same", line) for line in lines)
        return
    yield from (Line("same", line) for line in lines[:head])
    yield Line("gap", f"… {len(lines) - head - tail} lines as before")
    yield from (Line("same", line) for line in lines[len(lines) - tail :])
