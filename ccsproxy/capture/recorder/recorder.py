"""The recorder: turns frames into records, each exchange on its own, so that a failure in one affects no other."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attr
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from ccsproxy.capture import frames
from ccsproxy.capture.frames import EndFrame, Frame
from ccsproxy.capture.journal import Begun
from ccsproxy.capture.recorder.assembly import Assembly, CapturePolicy
from ccsproxy.capture.recorder.bodies import MemoryBudget
from ccsproxy.capture.recorder.ingest.unclean import cut_ending, died_with_proxy, only_begun, whole_ending
from ccsproxy.capture.recorder.interfaces import Interpreters, Price, Store
from ccsproxy.capture.recorder.report import Report
from ccsproxy.capture.recorder.secrets.redaction import RedactionGate
from ccsproxy.capture.recorder.secrets.redactor import Redactor
from ccsproxy.capture.recorder.sessions.opening import Later, Opening
from ccsproxy.capture.recorder.sessions.sessions import Sessions
from ccsproxy.capture.recorder.sessions.stored_answers import StoredAnswers
from ccsproxy.capture.recorder.storing.record_writer import RecordWriter
from ccsproxy.exchange.outcome import Outcome
from ccsproxy.exchange.record import Record, Started
from ccsproxy.exchange.relayed import Ending, RequestHead
from ccsproxy.providers.price_book import list_price


class Recorder:
    """Takes the frames of all exchanges, and hands one record of each to the store.

    :ivar writer: makes the records.
    """

    _log = Logger()

    def __init__(
        self,
        policy: CapturePolicy,
        interpreters: Interpreters,
        redactor: Callable[[], Redactor],
        sessions: Sessions,
        store: Store,
        report: Report,
        budget: MemoryBudget,
        under_way: Mapping[str, Started] | None = None,
        stored: Iterable[str] = (),
        unclean: Callable[[Started], Record] | None = None,
        price: Price = list_price,
        later: Later | None = None,
    ) -> None:
        """Create the recorder.

        :param redactor: creates one for an exchange.
        :param report: receives everything that the relay has to know.
        :param under_way: by id, the exchanges that an earlier recorder has announced and not stored.
        :param stored: the ids of those that it has stored without having been able to report it.
        :param unclean: builds the record of an exchange of which only the beginning is known.
        :param price: computes the cost of a call.
        :param later: calls a callable after some seconds; without it nothing is delayed.
        """
        self._policy, self._interpreters, self._redactor = policy, interpreters, redactor
        self._sessions, self._store, self._report, self._budget = sessions, store, report, budget
        self._under_way = dict(under_way or {})
        self._stored_before, self._unclean = set(stored), unclean
        self._answers = StoredAnswers(store.uncounted)
        self._open: dict[int, Assembly] = {}
        self._opening = Opening(sessions, store, report, self._under_way, later, self.end_exchange)
        self._whole: dict[int, Ending] = {}
        self.writer = RecordWriter(store, report, self._opening.placement, price, self.tell)
        self._steps: dict[int, Callable[[Assembly, Frame], None]] = {
            frames.REQUEST_BODY: self._request_body,
            frames.RESPONSE_HEAD: self._response_head,
            frames.RESPONSE_BODY: self._response_body,
            frames.LOST: self._lost,
            frames.WHOLE: self._is_whole,
        }

    @property
    def appending(self) -> int:
        """How many records the store has not acknowledged."""
        return self.writer.appending

    def turn_begins(self) -> None:
        """Called before several frames are passed on at once."""
        self._opening.turn_begins()

    def turn_ends(self) -> None:
        """Called when no more frames are available for now; never raises."""
        self._opening.turn_ends()

    def take(self, frame: Frame) -> None:
        """Take the next frame of any exchange; never raises."""
        if frame.kind == frames.HEAD:
            self._begin(frame)
            return
        assembly = self._open.get(frame.exchange)
        if assembly is None:
            self.take_other(frame)
            return
        if frame.kind == frames.END:
            self._end(assembly, frame)
            return
        try:
            self._steps[frame.kind](assembly, frame)
        except Exception:
            self.writer.broken(assembly)

    def take_other(self, frame: Frame) -> None:
        """Process a frame of an exchange that is not open any more."""

    def relay_died(self, relay: int, kind: str, message: str) -> None:
        """End the exchanges that a dead relay has not ended, after its log has been processed.

        :param kind: of the error of those that were cut, and the fault of the others.
        """
        self._opening.let_all_go()
        for assembly in list(self._open.values()):
            if assembly.number >> frames.RELAY_SHIFT == relay:
                self.end_exchange(assembly, self._cut(assembly, Outcome.UNCLEAN, kind, message))

    def record_unclean(self, begun: Begun, relay: int | None = None) -> "Deferred[bool]":
        """Record an exchange of which only the beginning is known.

        :param relay: whose `settled` waits for it, by default the one in its number.
        :return: whether it has a record now.
        """
        if begun.id in self._stored_before or self._unclean is None:
            return succeed(True)
        session_id = self._sessions.choose(begun.run)
        started = self._under_way.pop(begun.id, None)
        if started is None:
            started = only_begun(begun, session_id, self._sessions.next_seq(session_id))
        whose = begun.number >> frames.RELAY_SHIFT if relay is None else relay
        return self.writer.write_unclean(died_with_proxy(self._unclean(started)), whose)

    def keep_answers(self) -> None:
        """Make durable which answers have not been counted; called once a second."""
        self._answers.keep()

    def settled(self, relay: int | None) -> Deferred[None]:
        """Wait for the store; see `RecordWriter.settled`."""
        return self.writer.settled(relay)

    def finish(self, cut: bool) -> Deferred[None]:
        """Wait for the store.

        :param cut: first end the open exchanges, as cut by the shutdown.
        :return: fires when the store has acknowledged or rejected every record.
        """
        self._opening.let_all_go()
        for assembly in list(self._open.values()) if cut else ():
            self.end_exchange(assembly, self._cut(assembly, Outcome.SHUTDOWN, "shutdown", "the proxy was stopped"))
        self.keep_answers()
        return self.settled(None)

    def _begin(self, frame: Frame) -> None:
        if frame.exchange in self._open:
            return
        try:
            head = frames.read_head(frame.payload)
            if self.begin_other(frame, head):
                return
            assembly = self.assembly(frame.exchange, head)
        except Exception:
            self._log.failure("an exchange could not be started")
            self._report.dropped(frame.exchange, "error")
            return
        if head.id in self._stored_before:
            # It is still in the log because the relay was never told: a recorder died between storing and reporting
            # it.
            self._report.stored(frame.exchange)
            return
        self._open[frame.exchange] = assembly
        try:
            self._opening.meet(assembly)
        except Exception:
            self.writer.broken(assembly)

    def begin_other(self, frame: Frame, head: RequestHead) -> bool:
        """Process the beginning of a special exchange (a WebSocket); return whether it is one."""
        return False

    def assembly(self, number: int, head: RequestHead) -> Assembly:
        """Create the collector of an exchange."""
        gate = RedactionGate(self._redactor())
        return Assembly(number, head, self._policy, self._interpreters, gate, self._budget, self._answers)

    def redact_with(self, redactor: Callable[[], Redactor]) -> None:
        """Use other redaction rules for exchanges that begin from now on.

        :param redactor: creates one for an exchange.
        """
        self._redactor = redactor

    def label(self, labels: dict[str, str]) -> None:
        """Set the labels of exchanges that begin from now on."""
        self._policy = attr.evolve(self._policy, labels=labels)

    def tell(self, number: int, reason: str | None = None) -> None:
        """Report to the relay that an exchange is stored, or why it is dropped."""
        if reason is None:
            self._report.stored(number)
        else:
            self._report.dropped(number, reason)

    def _request_body(self, assembly: Assembly, frame: Frame) -> None:
        assembly.request.body.feed(frame.payload)
        # As soon as it can be: the dashboard shows a call while its answer is still being thought about.
        if not assembly.seq and assembly.request.whole:
            self._opening.open_with_body(assembly)

    def _response_head(self, assembly: Assembly, frame: Frame) -> None:
        body = assembly.request.peek()
        if not assembly.seq and body is not None:
            self.start(assembly, assembly.identify(body), body)
        assembly.response_begun(frames.read_response_head(frame.payload), body)

    def _response_body(self, assembly: Assembly, frame: Frame) -> None:
        if assembly.response is not None:
            assembly.response.feed(frame.payload, frame.at)

    def _lost(self, assembly: Assembly, frame: Frame) -> None:
        assembly.lost(frames.read_lost(frame.payload))

    def _is_whole(self, assembly: Assembly, frame: Frame) -> None:
        self._whole[assembly.number] = whole_ending(frames.read_whole(frame.payload), frame.at)

    def _end(self, assembly: Assembly, frame: Frame) -> None:
        try:
            ended = frames.read_end(frame.payload)
        except Exception:
            self.writer.broken(assembly)
            ended = self._cut(assembly, Outcome.SHUTDOWN, "shutdown", "the proxy was stopped")
        self._opening.told(assembly, ended)
        if not self._opening.hold(assembly, ended):
            self.end_exchange(assembly, ended)

    def start(self, assembly: Assembly, named: str | None, body: Any) -> None:
        """Give an exchange its session and number, and announce it."""
        self._opening.placement.meet(assembly)
        self._opening.open(assembly, named, body)

    def end_exchange(self, assembly: Assembly, ended: EndFrame) -> None:
        """End an exchange, and have its record written."""
        # First, so that no later frame finds it open if anything below fails, and it ends exactly once.
        del self._open[assembly.number]
        self._whole.pop(assembly.number, None)
        try:
            if assembly.response is not None:
                assembly.response.read()
            if not assembly.seq:
                self._opening.open_with_body(assembly, wait=False)
        except Exception:
            self.writer.broken(assembly)
        self._open_somehow(assembly)
        self._opening.ended(assembly)
        self.writer.write(assembly, ended)

    def _open_somehow(self, assembly: Assembly) -> None:
        """Number an exchange that could not be opened normally."""
        try:
            if not assembly.seq:
                self._opening.open_somehow(assembly)
        except Exception:
            self.writer.broken(assembly)

    def _cut(self, assembly: Assembly, outcome: Outcome, kind: str, message: str) -> EndFrame:
        """Return the ending of an exchange that was cut."""
        ending = self._whole.get(assembly.number)
        if ending is None:
            ending = cut_ending(outcome, kind, message)
        else:
            assembly.note(kind)
        response = assembly.response.size if assembly.response is not None else 0
        return EndFrame(ending, assembly.request.body.size, response)
