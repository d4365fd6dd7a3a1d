"""The one ending of an exchange, as capture is told of it: what became of it, how many bytes, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ccsproxy.exchange.outcome import Outcome
from ccsproxy.exchange.relayed import Ending, Timing
from ccsproxy.proxy.interfaces import UpstreamTimings
from ccsproxy.proxy.server.request import RelayRequest
from ccsproxy.proxy.tee import ResponseTee

if TYPE_CHECKING:
    from ccsproxy.proxy.server.request_body import RequestBody

#: Outcome, kind and sentence of an ending.
Verdict = tuple[Outcome, str, str]

CLIENT_GONE: Verdict = (Outcome.CLIENT_DISCONNECTED, "client_disconnected", "The client closed the connection.")
SHUTDOWN: Verdict = (Outcome.SHUTDOWN, "shutdown", "The proxy was stopped before the exchange was over.")
#: Seconds in which the proxy did not run that are worth a word in the record of an exchange.
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
    """Say how an exchange has ended.

    :param body: of the request, None where it has none.
    :param tee: what the upstream's response went through, None where there was none.
    :param own_bytes: of an answer of ours that the client was given instead.
    :param unsent: bytes of the answer that the client's socket has not taken.
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
    """Say when what happened, in microseconds since the exchange began.

    :param head_at: when the head of the response was there, monotonic seconds like all that follow.
    :param spent: the seconds for which bytes waited with us, but for what the upstream's side knows of.
    :param stalled: the seconds for which this process did not run meanwhile.
    """
    body = (tee.first_byte, tee.last_byte) if tee is not None else (None, None)
    moments = (marks.connected, marks.request_sent, head_at, *body)
    connected, sent, head, first, last = [None if each is None else int((each - began) * 1e6) for each in moments]
    overhead = int((spent + marks.waited) * 1e6)
    lost = int(stalled * 1e6) if stalled >= STALL_WORTH_TELLING else 0
    return Timing(connected, marks.reused, sent, head, first, last, overhead, lost)
