"""Building the one ending of an exchange for capture: outcome, byte counts and timing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ccsproxy.exchange.outcome import Outcome
from ccsproxy.exchange.relayed import Ending, Timing
from ccsproxy.proxy.interfaces import UpstreamTimings
from ccsproxy.proxy.server.request import RelayRequest
from ccsproxy.proxy.tee import ResponseTee

if TYPE_CHECKING:
    from ccsproxy.proxy.server.request_body import RequestBody

#: Outcome, kind and message of an ending.
Verdict = tuple[Outcome, str, str]

CLIENT_GONE: Verdict = (Outcome.CLIENT_DISCONNECTED, "client_disconnected", "The client closed the connection.")
SHUTDOWN: Verdict = (Outcome.SHUTDOWN, "shutdown", "The proxy was stopped before the exchange had ended.")
#: Only stalls of the proxy of at least this many seconds are put into the record of an exchange.
STALL_WORTH_TELLING = 1.0


def ending_of(
    request: RelayRequest,
    verdict: Verdict,
    timing: Timing,
    body: RequestBody | None,
    tee: ResponseTee | None,
    own_bytes: int,
    unsent: int,
    now: float,
) -> Ending:
    """Describe how an exchange has ended.

    :param body: of the request, None if it has none.
    :param tee: what the upstream's response passed through, None if there was none.
    :param own_bytes: body bytes of a response that we made ourselves.
    :param unsent: bytes of the response that the client's socket has not accepted.
    :param now: monotonic seconds.
    """
    outcome, kind, message = verdict
    return Ending(
        outcome=str(outcome),
        kind=kind,
        message=message,
        at=int((now - request.began) * 1e6),
        timing=timing,
        request_bytes=body.size if body is not None else 0,
        request_whole=body is None or body.whole,
        response_bytes=tee.received if tee is not None else 0,
        delivered_bytes=max(0, (tee.written if tee is not None else own_bytes) - unsent),
        response_whole=tee is not None and tee.whole,
        eof_unverified=tee is not None and tee.unverified,
        trailers=tee.response.trailers if tee is not None else [],
        caller=request.caller,
    )


def timing_of(
    marks: UpstreamTimings,
    tee: ResponseTee | None,
    head_at: float | None,
    spent: float,
    began: float,
    stalled: float,
) -> Timing:
    """Return the times of the exchange's steps, in microseconds since it began.

    :param head_at: when the response head was there, monotonic seconds like all that follow.
    :param spent: seconds that bytes spent in the relay, without those counted in ``marks``.
    :param stalled: seconds in which this process did not run meanwhile.
    """
    body = (tee.first_byte, tee.last_byte) if tee is not None else (None, None)
    moments = (marks.connected, marks.request_sent, head_at, *body)
    connected, sent, head, first, last = [None if each is None else int((each - began) * 1e6) for each in moments]
    overhead = int((spent + marks.waited) * 1e6)
    lost = int(stalled * 1e6) if stalled >= STALL_WORTH_TELLING else 0
    return Timing(connected, marks.reused, sent, head, first, last, overhead, lost)
