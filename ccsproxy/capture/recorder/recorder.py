"""From frames to records: every exchange on its own, so that what breaks one hurts no other."""

from collections.abc import Callable, Mapping
from typing import Any

import attr
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.capture import frames
from ccsproxy.capture.frames import EndFrame, Frame
from ccsproxy.capture.recorder import events
from ccsproxy.capture.recorder.assembly import Assembly, CapturePolicy
from ccsproxy.capture.recorder.bodies import Budget
from ccsproxy.capture.recorder.interfaces import Interpreters, Price, Store
from ccsproxy.capture.recorder.redaction import RedactionGate, Redactor
from ccsproxy.capture.recorder.report import Report
from ccsproxy.capture.recorder.sessions import Sessions
from ccsproxy.exchange.outcome import Outcome
from ccsproxy.exchange.record import Record
from ccsproxy.exchange.relayed import Ending, Timing
from ccsproxy.providers.cost import Cost
from ccsproxy.providers.price_book import list_price

#: The fault of an exchange whose capture raised: it becomes a record without bodies.
BROKEN = "capture_error"


@attr.frozen
class Numbered:
    """The number that an exchange was given before the recorder was restarted."""

    session_id: str
    seq: int


class Recorder:
    """Takes the frames of all exchanges, and hands one record of each to the store."""

    _log = Logger()

    def __init__(
        self,
        policy: CapturePolicy,
        interpreters: Interpreters,
        redactor: Callable[[], Redactor],
        sessions: Sessions,
        store: Store,
        report: Report,
        budget: Budget,
        numbered: Mapping[str, Numbered] | None = None,
        price: Price = list_price,
    ) -> None:
        """Make one.

        :param redactor: makes one for an exchange.
        :param report: hears of everything that the relay has to know.
        :param numbered: by id, the exchanges in flight to which an earlier recorder has given numbers.
        :param price: what a call costs.
        """
        self._policy, self._interpreters, self._redactor = policy, interpreters, redactor
        self._sessions, self._store, self._report, self._budget = sessions, store, report, budget
        self._price = price
        self._numbered = dict(numbered or {})
        self._stored_before: set[str] = set()
        self._open: dict[int, Assembly] = {}
        self._appending: set[Deferred[Any]] = set()
        self._idle: list[Deferred[None]] = []
        self._steps: dict[int, Callable[[Assembly, Frame], None]] = {
            frames.REQUEST_BODY: self._request_body,
            frames.RESPONSE_HEAD: self._response_head,
            frames.RESPONSE_BODY: self._response_body,
            frames.LOST: self._lost,
        }

    @property
    def appending(self) -> int:
        """How many records the store has not acknowledged."""
        return len(self._appending)

    def take(self, frame: Frame) -> None:
        """Take the next frame of any exchange; never raises."""
        if frame.kind == frames.HEAD:
            self._begin(frame)
            return
        assembly = self._open.get(frame.exchange)
        if assembly is None:
            return
        if frame.kind == frames.END:
            self._end(assembly, frame)
            return
        try:
            self._steps[frame.kind](assembly, frame)
        except Exception:
            self._broken(assembly)

    def is_stored(self, exchange_id: str) -> None:
        """Note that an earlier recorder has stored an exchange without having been able to say so."""
        self._stored_before.add(exchange_id)

    def finish(self, cut: bool) -> Deferred[None]:
        """Wait for the store.

        :param cut: first end what is still open, as cut by the shutdown.
        :return: fires when the store has acknowledged or refused every record.
        """
        for assembly in list(self._open.values()) if cut else ():
            self._finish(assembly, _cut(assembly))
        done: Deferred[None] = Deferred()
        self._idle.append(done)
        self._check_idle()
        return done

    def _begin(self, frame: Frame) -> None:
        if frame.exchange in self._open:
            return
        try:
            head = frames.read_head(frame.payload)
            gate = RedactionGate(self._redactor())
            assembly = Assembly(frame.exchange, head, self._policy, self._interpreters, gate, self._budget)
        except Exception:
            self._log.failure("an exchange could not be begun")
            self._report.dropped(frame.exchange, "error")
            return
        if head.id in self._stored_before:
            self._report.stored(frame.exchange)
            return
        self._open[frame.exchange] = assembly
        try:
            named = assembly.identify(None)
            if named is not None or assembly.request.bodiless or head.id in self._numbered:
                self._start(assembly, named, None)
        except Exception:
            self._broken(assembly)

    def _request_body(self, assembly: Assembly, frame: Frame) -> None:
        assembly.request.body.feed(frame.payload)
        if not assembly.seq and assembly.request.whole:
            self._start_with_body(assembly)

    def _response_head(self, assembly: Assembly, frame: Frame) -> None:
        body = assembly.request.peek()
        if not assembly.seq and body is not None:
            self._start(assembly, assembly.identify(body), body)
        assembly.response_begun(frames.read_response_head(frame.payload), body)

    def _response_body(self, assembly: Assembly, frame: Frame) -> None:
        if assembly.response is not None:
            assembly.response.feed(frame.payload, frame.at)

    def _lost(self, assembly: Assembly, frame: Frame) -> None:
        assembly.lost(frames.read_lost(frame.payload))

    def _end(self, assembly: Assembly, frame: Frame) -> None:
        try:
            ended = frames.read_end(frame.payload)
        except Exception:
            self._broken(assembly)
            ended = _cut(assembly)
        self._finish(assembly, ended)

    def _start_with_body(self, assembly: Assembly) -> None:
        body = assembly.request.json
        self._start(assembly, assembly.identify(body), body)

    def _start(self, assembly: Assembly, named: str | None, body: Any) -> None:
        """Give an exchange its session and number, and announce it."""
        numbered = self._numbered.pop(assembly.head.id, None)
        harmless = assembly.gate.session(named, assembly.request.lines)
        session_id = numbered.session_id if numbered is not None else self._sessions.choose(harmless)
        assembly.session_id = session_id
        assembly.seq = numbered.seq if numbered is not None else self._sessions.next_seq(session_id)
        assembly.understand(body)
        started = assembly.gate.started(assembly.started(), assembly.request.lines)
        if numbered is None:
            self._store.started(started)
            self._report.event(events.request_started(started))

    def _finish(self, assembly: Assembly, ended: EndFrame) -> None:
        """Hand the record to the store: a whole one, or a bare one, or none and a count."""
        del self._open[assembly.number]
        try:
            if assembly.response is not None:
                assembly.response.read()
            if not assembly.seq:
                self._start_with_body(assembly)
        except Exception:
            self._broken(assembly)
        record = self._record(assembly, ended)
        assembly.release()
        if record is None:
            self._report.dropped(assembly.number, "error")
            return
        try:
            appended = self._store.append(record)
        except Exception:
            self._log.failure("the store did not take a record")
            self._report.dropped(assembly.number, "error")
            return
        self._appending.add(appended)
        appended.addBoth(self._appended, appended, assembly, record)

    def _record(self, assembly: Assembly, ended: EndFrame) -> Record | None:
        try:
            if not assembly.seq:
                assembly.session_id = self._sessions.choose(None)
                assembly.seq = self._sessions.next_seq(assembly.session_id)
            if BROKEN not in assembly.faults:
                return assembly.gate.record(*assembly.record(ended), assembly.request.lines)
        except Exception:
            self._broken(assembly)
        if not assembly.seq:
            return None
        try:
            return assembly.gate.record(*assembly.bare_record(ended), assembly.request.lines)
        except Exception:
            self._log.failure("an exchange could not be recorded")
            return None

    def _appended(self, result: Any, appended: Deferred[Any], assembly: Assembly, record: Record) -> None:
        self._appending.discard(appended)
        if isinstance(result, Failure):
            reason = getattr(result.value, "reason", None)
            self._report.dropped(assembly.number, reason if isinstance(reason, str) else "store")
        else:
            self._report.stored(assembly.number)
            self._tell_completed(record)
        self._check_idle()

    def _tell_completed(self, record: Record) -> None:
        try:
            self._report.event(events.request_completed(record, price_of(record, self._price)))
        except Exception:
            self._log.failure("a live event could not be told")

    def _check_idle(self) -> None:
        if not self._appending:
            idle, self._idle = self._idle, []
            for each in idle:
                each.callback(None)

    def _broken(self, assembly: Assembly) -> None:
        if BROKEN not in assembly.faults:
            self._log.failure("capturing an exchange failed, it becomes a record without bodies")
        assembly.note(BROKEN)


def price_of(record: Record, price: Price) -> Cost:
    """Return what a recorded call cost."""
    model, url = record.response_model or record.model, record.upstream_url or ""
    return price(model, record.usage, record.started_at, record.upstream, url)


def _cut(assembly: Assembly) -> EndFrame:
    """Return the ending of an exchange of which none came."""
    response = assembly.response.size if assembly.response is not None else 0
    ending = Ending(
        Outcome.SHUTDOWN, "shutdown", "the proxy was stopped", 0, Timing(), request_whole=False, response_whole=False
    )
    return EndFrame(ending, assembly.request.body.size, response)
