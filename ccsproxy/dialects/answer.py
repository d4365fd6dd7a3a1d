"""The result of reading a response body."""

from typing import Any

import msgspec

from ccsproxy.exchange.record import Error
from ccsproxy.exchange.usage import Usage


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """The result of reassembling a whole body or the events of a stream.

    :ivar body: the JSON value that the provider's non-streaming API would have answered.
    :ivar usage: the token counts so far; None if none were reported.
    :ivar response_model: the model named in the answer.
    :ivar stop_reason: the provider's own word for why the model stopped.
    :ivar complete: the dialect's own terminal event was seen.
    :ivar counted: the counts are those of the whole call, not only of the part of a stream that arrived.
    :ivar answered: the body has the form of an answer to a model call of the dialect.
    """

    body: Any = None
    usage: Usage | None = None
    response_model: str | None = None
    stop_reason: str | None = None
    complete: bool = True
    counted: bool = True
    answered: bool = True


class DecodedResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A response body, decoded to its end or as far as it arrived.

    :ivar dialect: the dialect in which it was read; differs from the detected one if the first event proves another.
    :ivar body: JSON as the provider's non-streaming API would have answered, or text, or None if there is neither.
    :ivar stream_kind: ``sse``, ``ndjson``, ``json_array`` or ``eventstream``; None if it was not a stream.
    :ivar stream_text: the stream as text when its bytes are not (``eventstream``): one JSON event a line.
    :ivar binary: the body is neither JSON nor text; the caller keeps the bytes.
    :ivar frames: how many events the stream held.
    :ivar usage: see `Settled`.
    :ivar response_model: see `Settled`.
    :ivar stop_reason: see `Settled`.
    :ivar complete: the dialect's own terminal event was seen; for other bodies, the body is complete.
    :ivar error: the error that the provider reports, in the stream or in a JSON error body.
    :ivar missing: why it is not an answer to a model call; None if it is one.
    :ivar faults: names of what was damaged or unusual, each once, in order of occurrence.
    :ivar first_token_ms: the time of the first content, on the scale of the times passed to ``feed``.
    :ivar begun_ms: the time of the first non-blank byte, on the same scale.
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
