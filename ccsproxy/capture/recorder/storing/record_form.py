"""Builds the record of an exchange, field by field, from what its assembly has collected."""

from ccsproxy.capture.frames import EndFrame
from ccsproxy.capture.recorder.assembly import Assembly
from ccsproxy.capture.recorder.ending import refine
from ccsproxy.capture.recorder.headers import HeaderLines, pairs
from ccsproxy.capture.recorder.response import ResponseInMaking
from ccsproxy.capture.recorder.timing import milliseconds, record_timing, time_to_first_token
from ccsproxy.dialects.answer import DecodedResponse
from ccsproxy.dialects.route import split_target
from ccsproxy.exchange.ids import iso_time
from ccsproxy.exchange.outcome import Category
from ccsproxy.exchange.record import CaptureNote, Record
from ccsproxy.exchange.relayed import Ending
from ccsproxy.exchange.usage import Usage
from ccsproxy.providers.requestids import request_id, request_id_of


def whole_record(assembly: Assembly, ended: EndFrame) -> tuple[Record, str]:
    """Build the record of an ended exchange, not redacted yet and without the request's header lines.

    :return: the record, and the kind of stream of the response, empty if it was not one.
    """
    _settle_sizes(assembly, ended)
    response, ending = assembly.response, ended.ending
    body = assembly.request.json
    if body is not None:
        assembly.identify(body)
    if response is None:
        assembly.understand(body)
    answer = response.finish(ending.response_whole, ending.timing.last_byte) if response is not None else None
    kind = answer.stream_kind if answer is not None else None
    return _record(assembly, ending, response, answer, assembly.policy.bodies), kind or ""


def bare_record(assembly: Assembly, ended: EndFrame) -> tuple[Record, str]:
    """Build a record without anything that has to be interpreted, after building the complete one failed.

    :return: see `whole_record`.
    """
    return _record(assembly, ended.ending, assembly.response, None, False), ""


def _record(
    assembly: Assembly,
    ending: Ending,
    response: ResponseInMaking | None,
    answer: DecodedResponse | None,
    bodies: bool,
) -> Record:
    dialect, head = assembly.dialect, assembly.head
    category = _category(assembly, answer)
    status = response.head.status if response is not None else None
    unread = response is not None and response.body.unread
    broken = response.body.broken if response is not None else ""
    how = refine(ending, status, answer, category, unread, assembly.request.asks, broken)
    last = ending.at if ending.timing.last_byte is None else ending.timing.last_byte
    return Record(
        id=head.id,
        seq=assembly.seq,
        session_id=assembly.session_id,
        request_id=_request_id(response.lines) if response is not None else None,
        started_at=iso_time(head.started_at),
        ended_at=iso_time(head.started_at + last / 1e6) if last else None,
        duration_ms=milliseconds(last or None),
        ttft_ms=time_to_first_token(answer, response, category),
        upstream=head.upstream,
        dialect=answer.dialect if answer is not None else dialect.name if dialect is not None else None,
        category=category,
        model=dialect.model if dialect is not None else None,
        response_model=answer.response_model if answer is not None else None,
        outcome=str(how.outcome),
        stop_reason=answer.stop_reason if answer is not None else None,
        error=how.error,
        partial=how.partial,
        client=assembly.client,
        usage=_usage(assembly, answer, category),
        timing=record_timing(ending.timing, answer, response),
        request=assembly.request.record(bodies),
        response=response.record(answer, bodies, pairs(ending.trailers)) if response is not None else None,
        capture=_note(assembly, answer),
        upstream_url=head.upstream_url or None,
        connection=head.connection or None,
        transport=head.transport,
        delivered_bytes=ending.delivered_bytes if response is not None and assembly.socket is None else None,
        labels=assembly.labels,
    )


def _request_id(lines: HeaderLines) -> str | None:
    """Return the provider's id of the request, from header data that the record needs anyway if possible."""
    return request_id_of(lines.mapping) if lines.plain else request_id(lines.raw)


def _usage(assembly: Assembly, answer: DecodedResponse | None, category: str) -> Usage | None:
    """Return the usage of the call; merely fetching a stored answer has none."""
    usage = answer.usage if answer is not None else None
    if answer is None or category == Category.COUNT_TOKENS:
        return usage
    if category != Category.MODEL:
        stored, target = assembly.stored, split_target(assembly.head.method, assembly.head.target)
        stored.batch(target, answer.body)
        new = usage is not None and stored.counts(target, answer.body)
        return usage if new else None
    if usage is None or usage.output_tokens is None:
        assembly.stored.begun(answer.body)
    return usage


def _category(assembly: Assembly, answer: DecodedResponse | None) -> str:
    """Return the category of the call, from an answer in a model's dialect if the request does not show it."""
    if assembly.dialect is None:
        return str(Category.OTHER)
    told = assembly.head.method == b"POST" and answer is not None and answer.dialect != assembly.dialect.name
    return str(Category.MODEL if told and assembly.dialect.category == Category.OTHER else assembly.dialect.category)


def _note(assembly: Assembly, answer: DecodedResponse | None) -> CaptureNote:
    bodies = [assembly.request.body] + ([assembly.response.body] if assembly.response is not None else [])
    said = [
        *assembly.faults,
        *(answer.faults if answer is not None else ()),
        *(f for body in bodies for f in body.faults),
    ]
    left_out = assembly.socket.left_out if assembly.socket is not None else 0
    dropped = sum(body.dropped for body in bodies) + left_out
    return CaptureNote(faults=list(dict.fromkeys(said)), dropped_bytes=dropped)


def _settle_sizes(assembly: Assembly, ended: EndFrame) -> None:
    # The bytes of a tunnel are not read; only the relay has counted them.
    if assembly.head.transport == "tunnel":
        assembly.request.body.size = ended.ending.request_bytes
        if assembly.response is not None:
            assembly.response.body.size = ended.ending.response_bytes
        return
    if not ended.ending.request_whole and not assembly.request.bodiless:
        assembly.note("request_partial")
    if ended.ending.eof_unverified:
        assembly.note("eof_unverified")
    if ended.ending.timing.stalled:
        assembly.note("proxy_stalled")
    assembly.request.body.ended(ended.request_bytes)
    if assembly.response is not None:
        assembly.response.ended(ended.response_bytes)
