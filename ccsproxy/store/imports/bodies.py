"""Records of Claude Code's own body files (see `ccsproxy.store.imports.body_files`): for users who will have no
proxy.

What such a file does not say stays unknown: header lines, the stream, the time of the first token. The answer is the
one that Claude Code put together itself.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import attr
import msgspec

from ccsproxy.clients import identify
from ccsproxy.dialects import DecodedResponse, Facts, detect
from ccsproxy.exchange.ids import SESSION_ID, iso_time, run_session_id
from ccsproxy.exchange.record import CaptureNote, Error, Record, RecordTiming, Request, Response
from ccsproxy.store.imports.body_files import BodyFiles, calls_in, read_json
from ccsproxy.store.imports.version_1 import Imported, Json, check

#: Maximum duration of a call in seconds: one without a response by then gets none.
ANSWERED_WITHIN = 3600.0
_TARGET = "/v1/messages"
_NO_ANSWER = Error("no_response_file", "No response was written: the call failed or was interrupted.")


@attr.define
class Numbers:
    """The numbers and ids of a session's exchanges in the store.

    :ivar last: the highest number.
    :ivar ids: ids of exchanges, and the provider's ids of requests.
    """

    last: int = 0
    ids: set[str] = attr.field(factory=set)


class BodyImport:
    """Reads a directory, any number of times; each call becomes one record.

    Invariant: a call is in ``_taken`` from the moment its record was yielded.

    :param redact: removes the secrets of a record; a record on which it fails is skipped.
    :param numbers: returns what the store has of a session.
    """

    def __init__(
        self,
        folder: Path,
        redact: Callable[[Json], Json],
        numbers: Callable[[str], Numbers],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder, self._redact, self._clock = folder, redact, clock
        self._ask = numbers
        self._numbers: dict[str, Numbers] = {}
        self._taken: set[Path] = set()
        self.report = Imported()

    def records(self) -> Iterator[Json]:
        """Yield the records of calls that have ended and were not yielded before."""
        for files in calls_in(self._folder):
            if files.request in self._taken or not self._is_over(files):
                continue
            self._taken.add(files.request)
            yield from self._one(files)

    def _is_over(self, files: BodyFiles) -> bool:
        return files.response is not None or files.request.stat().st_mtime < self._clock() - ANSWERED_WITHIN

    def _one(self, files: BodyFiles) -> Iterator[Json]:
        try:
            record = record_of(files)
            numbers = self._numbers_of(record.session_id)
            if {record.id, record.request_id} & numbers.ids:
                self.report.known += 1
                return
            clean = self._redact(msgspec.to_builtins(msgspec.structs.replace(record, seq=numbers.last + 1)))
            check(clean)
        except Exception as reason:  # whatever a file contains, it must not affect the others
            self.report.skipped.append(f"{files.request} was skipped: {reason}")
            return
        numbers.last += 1
        numbers.ids |= {record.id, *([record.request_id] if record.request_id else [])}
        self.report.records += 1
        yield clean

    def _numbers_of(self, session: str) -> Numbers:
        if session not in self._numbers:
            self._numbers[session] = self._ask(session)
            self.report.sessions += 1
        return self._numbers[session]


def record_of(files: BodyFiles) -> Record:
    """Return the record of one call, not redacted and without a number.

    :raises ValueError: if a file contains no body; ``OSError`` if it cannot be read.
    """
    sent = files.request.read_bytes()
    body = read_json(files.request)
    answer = read_json(files.response) if files.response is not None else None
    facts = Facts(provider="anthropic", target=_TARGET.encode(), request_body=body, content_type="application/json",
                  status=200 if answer is not None else None)  # fmt: skip
    dialect = detect(facts)
    read = _read(facts, files.response)
    client = identify([], _TARGET.encode(), body)
    began = files.sent_at or files.ended_at or files.request.stat().st_mtime
    length = _milliseconds(files)
    return Record(
        id=_id(files, began),
        seq=0,
        session_id=_session(client.session, began),
        request_id=files.request_id,
        started_at=iso_time(began),
        ended_at=iso_time(files.ended_at) if files.ended_at else None,
        duration_ms=length,
        ttft_ms=None,
        upstream="anthropic",
        dialect=dialect.name,
        category=str(dialect.category),
        model=dialect.model,
        response_model=read.response_model if read else None,
        outcome="complete" if read and read.complete else "unclean",
        stop_reason=read.stop_reason if read else None,
        error=None if read else _NO_ANSWER,
        partial=read is None,
        client=client,
        usage=read.usage if read else None,
        timing=RecordTiming(last_byte=length),
        request=_request(body, sent),
        response=_response(files.response, answer),
        capture=CaptureNote(faults=list(_faults(files, read))),
    )


def _read(facts: Facts, response: Path | None) -> DecodedResponse | None:
    """Decode a response like any body of the dialect."""
    if response is None:
        return None
    reader = detect(facts).reader(facts)
    reader.feed(response.read_bytes(), 0.0)
    return reader.finish(True)


def _faults(files: BodyFiles, read: DecodedResponse | None) -> Iterable[str]:
    yield "imported"
    if files.sent_at is None:
        yield "times_unknown"
    if files.guessed:
        yield "response_matched_by_time"
    yield from read.faults if read else ()


def _milliseconds(files: BodyFiles) -> float | None:
    if files.sent_at is None or files.ended_at is None or files.ended_at < files.sent_at:
        return None
    return round((files.ended_at - files.sent_at) * 1000, 3)


def _id(files: BodyFiles, began: float) -> str:
    """Return an id that is the same in every import of the call: 12 hexadecimal digits of milliseconds, 14 of a
    hash.
    """
    return f"{max(round(began * 1000), 0):012x}{hashlib.sha256(files.request.name.encode()).hexdigest()[:14]}"


def _session(named: str | None, began: float) -> str:
    if named and SESSION_ID.match(named):
        return named
    return run_session_id(began - began % 86400, lambda size: b"\0" * size)


def _request(body: Json, raw: bytes) -> Request:
    return Request(
        method="POST", path=_TARGET, headers={}, headers_raw=[], http_version="", body=body, body_bytes=len(raw)
    )


def _response(file: Path | None, answer: Json | None) -> Response | None:
    if file is None:
        return None
    size = file.stat().st_size
    return Response(status=200, reason="", http_version="", headers={}, headers_raw=[], body_reassembled=answer,
                    body_bytes=size)  # fmt: skip
