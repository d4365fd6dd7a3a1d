"""The record of an exchange that a crash has left without an end."""

from ccsproxy.exchange.outcome import Outcome
from ccsproxy.exchange.record import CaptureNote, Error, Record, RecordTiming, Request, Started


def unclean_record(started: Started) -> Record:
    """Make the record of an exchange of which only the start is known; unknown members are null."""
    request = Request(
        method=started.method,
        path=started.path,
        headers=started.headers,
        headers_raw=list(started.headers.items()),
        http_version="",
    )
    return Record(
        id=started.id,
        seq=started.seq,
        session_id=started.session_id,
        request_id=None,
        started_at=started.started_at,
        ended_at=None,
        duration_ms=None,
        ttft_ms=None,
        upstream=started.upstream,
        dialect=started.dialect,
        category=started.category,
        model=started.model,
        response_model=None,
        outcome=Outcome.UNCLEAN.value,
        stop_reason=None,
        error=Error("unclean", "the recorder stopped before the exchange ended"),
        partial=True,
        client=started.client,
        usage=None,
        timing=RecordTiming(),
        request=request,
        response=None,
        capture=CaptureNote(faults=["unclean"]),
    )
