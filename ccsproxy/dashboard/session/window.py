"""The part of a session that is shown with its texts: so many turns, and so many bytes, at a time."""

from collections.abc import Sequence

import attr

from ccsproxy.dashboard.session.turns import RequestTurn

#: Turns on one page, and bytes of requests that are read for it; one turn is always read.
TURNS, BYTES = 20, 24_000_000
#: Parts that a page leads to on each side of its own, beside the first and the last.
AROUND = 7


@attr.frozen
class WindowPart:
    """A part of a session's turns.

    :ivar seq: the number of the request at which it begins.
    :ivar first: where it begins among all, from 1.
    :ivar last: where it ends.
    """

    seq: int
    first: int
    last: int


@attr.frozen
class Window:
    """The part that is shown.

    :ivar first: where it begins among all, from 0.
    :ivar parts: the parts that can be gone to, this one among them.
    :ivar before: the number of the request at which the part before begins, None at the beginning.
    :ivar after: the number of the request at which the part after begins, None at the end.
    """

    turns: Sequence[RequestTurn]
    first: int
    total: int
    parts: Sequence[WindowPart]
    before: int | None
    after: int | None


def window(turns: Sequence[RequestTurn], start: int | None) -> Window:
    """Return the part that a request is in.

    :param start: the request's number; the first of all when None or unknown.
    """
    every = _parts(turns)
    at = next((place for place, turn in enumerate(turns, 1) if turn.seq == start), 1)
    own = next((number for number, part in enumerate(every) if part.last >= at), 0)
    if not every:
        return Window((), 0, 0, (), None, None)
    part = every[own]
    near = [each for number, each in enumerate(every) if abs(number - own) <= AROUND or number in (0, len(every) - 1)]
    before = every[own - 1].seq if own else None
    after = every[own + 1].seq if own + 1 < len(every) else None
    return Window(turns[part.first - 1 : part.last], part.first - 1, len(turns), near, before, after)


def _parts(turns: Sequence[RequestTurn]) -> list[WindowPart]:
    """Cut a session into parts, the same for every page of it."""
    found: list[WindowPart] = []
    first, room = 0, BYTES
    for place, turn in enumerate(turns):
        size = 0 if turn.aside else turn.summary.get("request_bytes") or 0
        if place > first and (size > room or place - first == TURNS):
            found.append(WindowPart(turns[first].seq, first + 1, place))
            first, room = place, BYTES
        room -= size
    if turns:
        found.append(WindowPart(turns[first].seq, first + 1, len(turns)))
    return found
