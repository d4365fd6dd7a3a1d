"""The result of reading a response body."""

from typing import Any

import msgspec

from ccsproxy.exchange.record import Error
from ccsproxy.exchange.usage import Usage


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What a dialect makes of a whole body or of the events of a stream.

    :ivar body: the JSON value that the provider's non-streaming API would have answered.
    :ivar usage: the token counts so far, None when nothing was said of them.
    :ivar response_model: the model that answered, as the answer names it.
    :ivar stop_reason: the provider's own word for why the model stopped.
    :ivar complete: the dialect's own terminal event was seen.
    :ivar counted: the counts are those of the whole call, not of the part of a stream that came.
    :ivar answered: it is what a model call of the dialect is answered with, whatever it says.
    """

    body: Any = None
    usage: Usage | None = None
    response_model: str | None = None
    stop_reason: str | None = None
    complete: bool = True
    counted: bool = True
    answered: bool = True


class DecodedResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A response body, read to its end or as far as it came.

    :ivar dialect: the dialect it was read in; differs from the detected one when the first event proves another.
    :ivar body: JSON as the provider's non-streaming API would have answered, or text, or None when there is neither.
    :ivar stream_kind: ``sse``, ``ndjson``, ``json_array`` or ``eventstream``; None when it was no stream.
    :ivar stream_text: the stream as text when its bytes are not (``eventstream``): one JSON event a line.
    :ivar binary: the body is neither JSON nor text; the bytes are the caller's to keep.
    :ivar frames: how many events the stream held.
    :ivar usage: see `Settled`.
    :ivar response_model: see `Settled`.
    :ivar stop_reason: see `Settled`.
    :ivar complete: the dialect's own terminal event was seen; for other bodies, that the body is whole.
    :ivar error: what the provider says went wrong, in the stream or in a JSON error body.
    :ivar missing: why it is no answer to a model call, None where it is one: nothing came, or something else did.
    :ivar faults: names of what was damaged or odd, each once, in the order in which they were met.
    :ivar first_token_ms: the time of the first content, on the scale of the times given to ``feed``.
    :ivar begun_ms: the time of the first byte that is no blank, on the same scale.
    """

    dialect: str
    body: Any = None
    stream_kind: str | None = None
    stream_text: str | None = None
    binary: bool = False
    frames: int = 0
    usage: Usage | None = None
    response_model: str | None = None
    stop_reason: str | None = None
    complete: bool = False
    error: Error | None = None
    missing: Error | None = None
    faults: tuple[str, ...] = ()
    first_token_ms: float | None = None
    begun_ms: float | None = None

    @property
    def is_stream(self) -> bool:
        """Whether the body was a stream of events."""
        return self.stream_kind is not None
