"""The ending of an exchange: as seen by the relay, refined by what the dialect makes of the bytes."""

import msgspec

from ccsproxy.dialects.answer import DecodedResponse
from ccsproxy.exchange.outcome import Category, Outcome
from ccsproxy.exchange.record import Error
from ccsproxy.exchange.relayed import Ending
from ccsproxy.wire import coding

#: Calls that a model answers, so that an error in the answer is theirs.
_ANSWERED = frozenset({Category.MODEL, Category.COUNT_TOKENS})

#: How a call ended whose answer cannot be decoded to its end, by the fault of its content coding.
_BROKEN = {
    coding.TRUNCATED: (
        Outcome.UPSTREAM_TRUNCATED,
        Error(coding.TRUNCATED, "the answer's content coding ended prematurely"),
    ),
    coding.DAMAGED: (
        Outcome.UPSTREAM_ERROR,
        Error(coding.DAMAGED, "the answer's content coding is damaged, so that it cannot be read to its end"),
    ),
}


class FinalOutcome(msgspec.Struct, frozen=True):
    """The outcome, its error, and whether the response is incomplete."""

    outcome: str
    error: Error | None
    partial: bool


def refine(
    ending: Ending,
    status: int | None,
    answer: DecodedResponse | None,
    category: str,
    unread: bool,
    asked: bool = True,
    broken: str = "",
) -> FinalOutcome:
    """Determine how an exchange ended.

    :param status: of the response; None if there was none.
    :param answer: the decoded response; None if nothing was decoded.
    :param unread: part of the response was relayed and not read, so its end is unreliable.
    :param asked: false if the request is known to have no content, so that no answer is expected.
    :param broken: the fault of the body's content coding if it ended early or is damaged, else empty.
    """
    partial = not ending.response_whole
    error = Error(ending.kind, ending.message) if ending.kind else None
    if ending.outcome not in (Outcome.COMPLETE, Outcome.HTTP_ERROR):
        return FinalOutcome(ending.outcome, error, partial)
    if status is not None and status >= 400:
        return FinalOutcome(Outcome.HTTP_ERROR, _http_error(status, answer, ending), partial)
    if answer is None:
        return FinalOutcome(ending.outcome, error, partial)
    if broken and category == Category.MODEL and answer.error is None and _lacks_an_end(answer):
        # The missing part was sent and cannot be decoded: the answer is neither empty nor unrelated.
        return FinalOutcome(*_BROKEN[broken], True)
    if unread:
        return FinalOutcome(ending.outcome, error, partial)
    if answer.error is not None:
        return FinalOutcome(_of_error(ending, answer, category), answer.error, partial or not answer.complete)
    if category == Category.MODEL and ending.eof_unverified and "invalid_json" in answer.faults:
        # It was framed only by the end of the connection, and is not a complete answer of its dialect.
        error = Error("upstream_truncated", "the connection ended before the answer was complete")
        return FinalOutcome(Outcome.UPSTREAM_TRUNCATED, error, True)
    if category == Category.MODEL and answer.missing is not None and asked:
        return FinalOutcome(Outcome.UPSTREAM_ERROR, answer.missing, partial or not answer.complete)
    if category == Category.MODEL and answer.is_stream and not answer.complete:
        return FinalOutcome(
            Outcome.UPSTREAM_TRUNCATED, Error("sse_truncated", "the stream ended before its last event"), True
        )
    return FinalOutcome(ending.outcome, error, partial)


def _lacks_an_end(answer: DecodedResponse) -> bool:
    return answer.missing is not None or answer.binary or (answer.is_stream and not answer.complete)


def _of_error(ending: Ending, answer: DecodedResponse, category: str) -> str:
    """Determine the outcome of a 2xx response with an error; a stored object may contain an old error."""
    if answer.is_stream:
        return Outcome.STREAM_ERROR
    return Outcome.UPSTREAM_ERROR if category in _ANSWERED else ending.outcome


def _http_error(status: int, answer: DecodedResponse | None, ending: Ending) -> Error:
    """Return the error that the upstream reported, if any, or else what the relay knows."""
    plain = f"The upstream answered {status}."
    said = answer.error if answer is not None else None
    words = plain if said is None or not said.message else f"The upstream answered {status}: {said.message}"
    hint = ending.message.removeprefix(plain) if ending.message.startswith(plain) else ""
    return Error("upstream_http_error", words + hint)
