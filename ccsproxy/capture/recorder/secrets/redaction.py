"""The redaction gate: all data of an exchange passes it before leaving capture.

If a `Redactor` raises, the part that it was given is left out and noted as a fault; the rest is kept.
"""

import base64
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from ccsproxy.capture.recorder.headers import HeaderLines, forget_redacted, mapping
from ccsproxy.capture.recorder.secrets.notes import notes_of, outbound_of
from ccsproxy.capture.recorder.secrets.redactor import Redactor, Unredacted, form_redaction
from ccsproxy.capture.recorder.secrets.short_texts import client_without_secrets, names_of, texts_of, without_secrets
from ccsproxy.exchange.depth import nested_too_deeply
from ccsproxy.exchange.record import (
    CaptureNote,
    Pairs,
    Record,
    Request,
    Response,
    Started,
    Stream,
)
from ccsproxy.exchange.usage import Usage
from ccsproxy.redaction.report import SecretReport
from ccsproxy.redaction.streams.gathered import Gathered
from ccsproxy.wire import jsontext
from ccsproxy.wire.coding import is_known
from ccsproxy.wire.json_items import has_items, plain

T = TypeVar("T")

#: The fault of a record from which a part had to be left out.
FAULT = "redaction_error"
#: The fault of a record with a body that is kept as text because it is nested too deeply.
DEEP = "nested_deeply"


#: The redactor's names for kinds of streams.
_KINDS = {"json_array": "json", "eventstream": "ndjson"}


class RedactionGate:
    """Passes the data of one exchange through its redactor, part by part, headers and target first."""

    def __init__(self, redactor: Redactor) -> None:
        """Make one for an exchange."""
        self._redactor = redactor
        self._searching = not isinstance(redactor, Unredacted)
        self._failed = self._deep = self._socket = False
        self._gathered: Gathered | None = None
        self._shallow: list[Any] = []
        self._request_lines: tuple[Pairs | bytes, SecretReport] | None = None

    def watcher(self) -> Gathered | None:
        """Return an observer of the response's events while they are read, so that they need not be read again."""
        self._gathered = self._redactor.gathering()
        return self._gathered

    def session(self, named: str | None, lines: HeaderLines) -> str | None:
        """Return the name of a session unless there is a secret in it.

        :param lines: the header lines of the request.
        """
        self._request_headers(lines)
        return named if self._text(named, "session_id") == named else None

    def label(self, text: str) -> str:
        """Return a label's value without secrets."""
        return self._text(text, "labels") or ""

    def started(self, started: Started, lines: HeaderLines) -> Started:
        """Return the line without secrets, and with the header lines of the request."""
        return msgspec.structs.replace(
            started,
            headers=mapping(self._request_headers(lines)),
            path=self._part(self._redactor.target, started.path, "request.path", ""),
            **self._names(started),
        )

    def _names(self, started: Started) -> dict[str, Any]:
        """Return the replacements for the names in a record."""
        if self._hold_none((started.model or "", started.upstream, *names_of(started.client))):
            return {}
        return {
            "upstream": self._text(started.upstream, "upstream") or "",
            "model": self._text(started.model, "model"),
            "client": client_without_secrets(started.client, self._text),
        }

    def record(self, record: Record, stream_kind: str, lines: HeaderLines) -> Record:
        """Return the record without secrets.

        :param stream_kind: the kind of stream of the response, empty if it was not one.
        :param lines: the header lines of the request.
        """
        # A new report, because the announcement's findings are found again and must not count twice.
        self._redactor.report = report = SecretReport()
        texts = texts_of(record)
        self._look_ahead(record, texts)
        self._socket = record.transport == "websocket"
        request, noted = self._reported_request(record.request, lines)
        known = self._redactor.known
        if not self._hold_none(texts):
            record = without_secrets(record, self._text)
        response = None if record.response is None else self._response(record.response, stream_kind)
        usage, note = self._usage(record.usage), record.capture
        if self._redactor.known > known:
            # The answer named a secret that the request may hold without its name.
            self._request_lines = None
            request, noted = self._reported_request(record.request, lines)
        noted.merge(report)
        report = noted
        capture = CaptureNote(
            faults=[*note.faults, *[DEEP] * self._deep, *[FAULT] * self._failed],
            redactions=report.count,
            dropped_bytes=note.dropped_bytes,
            redacted=notes_of(report),
            outbound_secrets=outbound_of(report),
        )
        return msgspec.structs.replace(record, request=request, response=response, usage=usage, capture=capture)

    def _look_ahead(self, record: Record, texts: list[str]) -> None:
        """Have the texts of a small exchange searched together."""
        request, response = record.request, record.response
        size, answer = (response.body_bytes, response.body_reassembled) if response is not None else (0, None)
        # For longer ones the gain is small, and if something is found, their texts are searched twice.
        if request.body_bytes + size > _SMALL or "?" in request.path:
            return
        values = (request.body, answer, record.usage.raw if record.usage is not None else None)
        try:
            self._shallow = [value for value in values if isinstance(value, dict) and not nested_too_deeply(value)]
            self._redactor.look_ahead(self._shallow, [*texts, request.path])
        except Exception:
            return  # each is then redacted by itself, and fails by itself

    def _reported_request(self, request: Request, lines: HeaderLines) -> tuple[Request, SecretReport]:
        """Return the request without secrets, and a report of its own."""
        report = self._redactor.report
        self._redactor.report = noted = SecretReport()
        clean = self._request(request, lines)
        self._redactor.report = report
        return clean, noted

    def _request(self, request: Request, lines: HeaderLines) -> Request:
        clean = self._request_headers(lines)
        path = self._part(self._redactor.target, request.path, "request.path", "")
        redact = form_redaction(self._redactor, lines.field("content-type").lower())
        return msgspec.structs.replace(
            request,
            path=path,
            headers=mapping(clean),
            headers_raw=clean,
            body=self._part(redact, request.body, "request.body", None)
            if redact is not None and isinstance(request.body, str)
            else self._part(self._by_items, request.body, "request.body", None),
            body_base64=self._binary(request.body_base64, request.content_encoding, "request.body_base64"),
        )

    def _response(self, response: Response, stream_kind: str) -> Response:
        lines = self._headers(response.headers_raw, "response.headers")
        trailers = response.trailers
        # Before the body that was assembled from it (see `Redactor.tree`): a secret that continues from one event
        # into the next is complete only in the stream.
        stream = self._stream(response.stream, stream_kind)
        return msgspec.structs.replace(
            response,
            headers=response.headers if lines is response.headers_raw else mapping(lines),
            headers_raw=lines,
            body_reassembled=self._body(response.body_reassembled, "response.body_reassembled"),
            body_base64=self._binary(response.body_base64, response.content_encoding, "response.body_base64"),
            stream=stream,
            trailers=trailers
            if isinstance(trailers, msgspec.UnsetType)
            else self._headers(trailers, "response.trailers"),
        )

    def _request_headers(self, lines: HeaderLines) -> Pairs:
        """Redact the header lines of the request, which are given several times, once."""
        # Found once, noted in each report of these lines.
        report = self._redactor.report
        if self._request_lines is None:
            self._redactor.report = SecretReport()
            clean = self._headers(lines.pairs, "request.headers")
            self._request_lines = clean, self._redactor.report
            self._redactor.report = report
        kept, noted = self._request_lines
        report.merge(noted)
        return _unpacked(kept) if isinstance(kept, bytes) else kept

    def wait_long(self) -> None:
        """Store cached data compactly from now on: a stream may last for minutes, and there may be a thousand."""
        if self._request_lines is not None and not isinstance(self._request_lines[0], bytes):
            self._request_lines = _packed(self._request_lines[0]), self._request_lines[1]

    def _headers(self, lines: Pairs, where: str) -> Pairs:
        nothing: Pairs = []
        clean = self._part(self._redactor.headers, lines, where, nothing)
        if clean is not lines:
            forget_redacted(lines, clean)
        return clean

    def _stream(self, stream: Stream | msgspec.UnsetType, kind: str) -> Stream | msgspec.UnsetType:
        if isinstance(stream, msgspec.UnsetType):
            return stream
        seen = self._gathered if self._gathered is not None and not self._gathered.unusual else None
        self._gathered = None
        text = self._part(
            lambda text, where: self._redactor.stream(text, _KINDS.get(kind, kind), seen, where),
            stream.text,
            "response.stream",
            None,
        )
        return msgspec.UNSET if text is None else msgspec.structs.replace(stream, text=text)

    def _body(self, body: Any, where: str) -> Any:
        # In an unknown protocol a line is the text of one frame: a secret may continue from one into the next.
        if self._socket and isinstance(body, str):
            return self._part(lambda text, _: self._redactor.stream(text, "ndjson", None, where), body, where, None)
        shallow = any(body is each for each in self._shallow)
        if isinstance(body, dict | list) and not shallow and nested_too_deeply(body):
            self._deep = True
            # As text: walking a tree a hundred thousand levels deep would overflow the stack of the record's readers.
            body = self._part(lambda value, _: jsontext.dumps(value).decode("utf-8"), body, where, None)
        return self._part(self._redactor.text if isinstance(body, str) else self._redactor.tree, body, where, None)

    def _by_items(self, body: Any, where: str) -> Any:
        """Redact a body, the items of its lists one by one if that is equivalent."""
        if not has_items(body):
            return self._body(body, where)
        found = self._redactor.items(body, where)
        return self._body(plain(body), where) if found is None else found

    def _binary(
        self, encoded: str | msgspec.UnsetType, content_encoding: str | None, where: str
    ) -> str | msgspec.UnsetType:
        """Redact bytes that are not text; in an unknown coding nothing can be found, so nothing is kept."""
        # Bytes in a coding that cannot be decoded may contain anything; what cannot be searched is not kept.
        if isinstance(encoded, msgspec.UnsetType) or (self._searching and not is_known(content_encoding or "")):
            return msgspec.UNSET
        body = self._part(self._redactor.binary, base64.b64decode(encoded), where, b"")
        return base64.b64encode(body).decode("ascii") if body else msgspec.UNSET

    def _text(self, text: str | None, where: str) -> str | None:
        return None if text is None else self._part(self._redactor.text, text, where, None)

    def _usage(self, usage: Usage | None) -> Usage | None:
        if usage is None or usage.raw is None:
            return usage
        return msgspec.structs.replace(usage, raw=self._part(self._redactor.tree, usage.raw, "usage.raw", None))

    def _hold_none(self, texts: Iterable[str]) -> bool:
        try:
            return self._redactor.holds_none(texts)
        except Exception:
            return False  # each is then redacted by itself, and fails by itself

    def _part(self, redact: Callable[[Any, str], T], value: Any, where: str, instead: T) -> T:
        try:
            return redact(value, where)
        except Exception:
            # The part is dropped rather than kept unredacted: a bug in a rule must not reveal a key.
            self._failed = True
            return instead


#: Maximum total size of the bodies of a small exchange.
_SMALL = 16 << 10
_packed = msgspec.msgpack.Encoder().encode
_unpacked = msgspec.msgpack.Decoder(Pairs).decode
