"""What a run of frames still holds of which exchange: needed to tell a new recorder what the old one took with it."""

from collections.abc import Iterable

import attr

from ccsproxy.capture import frames
from ccsproxy.capture.frames import Encoded


@attr.define
class Holding:
    """How many body bytes of one exchange wait, by direction."""

    request: int = 0
    response: int = 0


#: By exchange number.
Pending = dict[int, Holding]


def pending(run: Iterable[Encoded]) -> Pending:
    """Count what a run of frames holds."""
    found: Pending = {}
    for encoded in run:
        if not isinstance(encoded, bytes):
            encoded = encoded[0]
        elif encoded[0] not in frames.BODIES:
            continue
        kind, length, exchange, _ = frames.FRAME_HEAD.unpack_from(encoded)
        holding = found.get(exchange) or found.setdefault(exchange, Holding())
        if kind == frames.REQUEST_BODY:
            holding.request += length
        else:
            holding.response += length
    return found


def merge(into: Pending, other: Pending) -> None:
    """Add one count to another."""
    for exchange, holding in other.items():
        total = into.setdefault(exchange, Holding())
        total.request += holding.request
        total.response += holding.response
