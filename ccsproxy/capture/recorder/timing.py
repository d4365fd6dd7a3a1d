"""The times of an exchange in the form of records: milliseconds, or null if nothing happened or is known."""

from ccsproxy.capture.recorder.response import ResponseInMaking
from ccsproxy.dialects.answer import DecodedResponse
from ccsproxy.exchange.outcome import Category
from ccsproxy.exchange.record import RecordTiming
from ccsproxy.exchange.relayed import Timing


def milliseconds(microseconds: int | None) -> float | None:
    """Convert microseconds to milliseconds, keeping null."""
    return None if microseconds is None else round(microseconds / 1e3, 3)


def record_timing(timing: Timing, answer: DecodedResponse | None, response: ResponseInMaking | None) -> RecordTiming:
    """Return the relay's measurements, together with those that only the reader of the body has."""
    return RecordTiming(
        connected=milliseconds(timing.connected),
        reused=timing.reused,
        request_sent=milliseconds(timing.request_sent),
        headers=milliseconds(timing.headers),
        first_byte=milliseconds(timing.first_byte),
        first_token=answer.first_token_ms if answer is not None else None,
        last_byte=milliseconds(timing.last_byte),
        max_gap=response.max_gap if response is not None else None,
        overhead_us=timing.overhead,
        proxy_stalled=milliseconds(timing.stalled or None),
    )


def time_to_first_token(
    answer: DecodedResponse | None, response: ResponseInMaking | None, category: str
) -> float | None:
    """Return when the first content arrived: as the reader saw it; for a complete answer, its first byte."""
    if answer is None or response is None:
        return None
    if answer.missing is not None or answer.error is not None:
        return answer.first_token_ms if answer.is_stream else None
    if answer.first_token_ms is not None or answer.is_stream:
        return answer.first_token_ms
    whole_answer = category == Category.MODEL and response.head.status < 400
    return answer.begun_ms if whole_answer else None
