"""What a run of frames still holds of which exchange: needed to tell a new recorder what the old one took with it.

Until then nothing but the heads of the body frames is kept, 21 bytes each: a backlog may be long.
"""

from collections.abc import Iterable

import attr

from ccsproxy.capture import frames
from ccsproxy.capture.frames import FRAME_HEAD, Encoded


@attr.define
class Holding:
    """How many body bytes of one exchange wait, by direction."""

    request: int = 0
    response: int = 0


#: By exchange number.
Pending = dict[int, Holding]


def body_heads(run: Iterable[Encoded]) -> bytes:
    """Return the heads of the body frames in a run, one after the other."""
    return b"".join(
        [
            each[: FRAME_HEAD.size] if isinstance(each, bytes) else each[0]
            for each in run
            if not isinstance(each, bytes) or each[0] in frames.BODIES
        ]
    )


def pending(heads: bytes) -> Pending:
    """Count what body frames hold.

    :param heads: see `body_heads`.
    """
    found: Pending = {}
    for kind, length, exchange, _ in FRAME_HEAD.iter_unpack(heads):
        holding = found.get(exchange) or found.setdefault(exchange, Holding())
        if kind == frames.REQUEST_BODY:
            holding.request += length
        else:
            holding.response += length
    return found
