"""Decodes a response body, whatever its form turns out to be."""

from collections.abc import Callable
from functools import partial
from typing import Any

from ccsproxy.dialects.answer import DecodedResponse, Settled
from ccsproxy.dialects.bedrock.aws_frames import EventStreamFraming
from ccsproxy.dialects.facts import Facts
from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.framing import PLAIN, ArrayFraming, Framed, Framing, LineFraming, SseFraming, choose
from ccsproxy.dialects.no_answer import no_events
from ccsproxy.dialects.overflow import LONG_EVENT, KeptTail, joined, without_data
from ccsproxy.dialects.plain_body import BLANK, bounded_counts, is_lines, read_cut_off, read_plain
from ccsproxy.dialects.protocol import Joining, Reassembler, StreamWatcher, WireFormat
from ccsproxy.dialects.registry import proven
from ccsproxy.dialects.unfinished import bounded
from ccsproxy.dialects.watching import WatchedEvents
from ccsproxy.wire.jsontext import JsonError, loads
from ccsproxy.wire.runs import TextRun, runs

_DONE = b"[DONE]"
#: So many pieces of blanks before a body are kept.
_MOST_BLANKS = 64
#: Fewer events at once are taken one by one.
_FEW = 4


class AnswerReader:
    """Reads one response body, its content coding already removed. Takes any bytes and never raises."""

    def __init__(self, wire_format: WireFormat, facts: Facts) -> None:
        self._format = wire_format
        self._facts = facts
        self._kind: str | None = None
        self._held: list[bytes] = []
        self._borrowed: Callable[[], bytes | bytearray] | None = None
        self._framing: Framing | None = None
        self._reassembler: Reassembler | None = None
        self._joining = False
        self._watch = WatchedEvents()
        self._frames = 0
        self._first_ms: float | None = None
        self._last_ms = 0.0
        self._kept: Reassembler | None = None
        self._tail: KeptTail | None = None
        self._full = False

    def borrow(self, kept: Callable[[], bytes | bytearray]) -> None:
        """Use a body that the caller keeps anyway, if it is not a stream, instead of copying it."""
        self._borrowed = kept

    def watch(self, watcher: StreamWatcher) -> None:
        """Register an observer of the events; called before the first bytes."""
        self._watch.begin(watcher)

    @property
    def timed(self) -> bool:
        """Return whether all times are determined, so that the arrival of further bytes does not matter."""
        if self._reassembler is not None:
            return self._reassembler.findings.first_token_ms is not None
        return self._kind == PLAIN

    def feed(self, data: bytes, at_ms: float) -> None:
        """Take the next bytes of the body.

        :param at_ms: when they arrived, in milliseconds on any scale; `DecodedResponse.first_token_ms` is on the
        same.
        """
        if not data:
            return
        self._last_ms = at_ms
        if self._full and self._framing is None:
            return
        if self._framing is not None:
            self._take(self._framing.feed(data), at_ms)
            return
        if self._first_ms is None and not self._begins(data):
            return
        if self._first_ms is None:
            self._first_ms = at_ms
        if self._kind == PLAIN and self._borrowed is not None:
            return
        self._held.append(data)
        if self._kind is None:
            self._decide(at_ms)

    def overflow(self) -> None:
        """Stop keeping what follows; only its counts and its ending are read."""
        self._full = True
        if self._framing is None:
            return
        self._watch.show_rest(self._framing)
        self._watch.end()
        self._kept = self._begin(None)
        self._framing.overflow()
        self._reassembler = self._tail = KeptTail(partial(self._format.reassembler, self._facts))
        self._joining = False

    def _begins(self, data: bytes) -> bool:
        """Return whether the body begins here; busy servers may send blanks before it for minutes."""
        if data.strip(BLANK):
            return True
        if len(self._held) < _MOST_BLANKS:
            self._held.append(data[:_MOST_BLANKS])
        return False

    def _decide(self, at_ms: float) -> None:
        head = b"".join(self._held)
        self._kind = choose(head, self._facts, self._format)
        if self._facts.socket:
            self._kind = PLAIN if self._format.name == "generic" else "ndjson"
        if self._kind is None or self._kind == PLAIN:
            return
        self._held.clear()
        self._framing = framing = _framing(self._kind)
        if self._borrowed is not None and isinstance(framing, SseFraming | LineFraming):
            framing.borrow(self._borrowed)
        self._take(framing.feed(head), at_ms)

    def _take(self, events: list[Framed], at_ms: float) -> None:
        self._frames += len(events)
        self._watch.names(events)
        reassembler: Joining | None = self._reassembler if self._joining else None  # type: ignore[assignment]
        if len(events) < _FEW or reassembler is None:
            self._take_each(events, at_ms)
            return
        for part in runs([text for _, text in events]):
            if not isinstance(part, TextRun):
                self._take_each([events[part]], at_ms)
            elif not self._take_run(reassembler, part, {name for name, _ in events[part.start : part.end]}, at_ms):
                self._take_each(events[part.start : part.end], at_ms)

    def _take_each(self, events: list[Framed], at_ms: float) -> None:
        for name, text in events:
            if text.startswith(_DONE):
                self._begin(None).ended()
                if text != _DONE:
                    self._watch.unusual()
            elif text or name:
                self._event(name, text, at_ms)

    def _take_run(self, reassembler: Joining, run: TextRun, names: set[str], at_ms: float) -> bool:
        """Process events that differ in one text at once if that is equivalent."""
        fits = len(names) == 1 and isinstance(run.value, dict) and reassembler.joins(run.value, run.holder, run.key)
        if fits:
            self._watch.show(run.value, run)
            reassembler.event(names.pop(), run.value, at_ms)
        return fits

    def _event(self, name: str, text: bytes, at_ms: float) -> None:
        # Of an event behind the kept part nothing but its counts is looked at.
        if self._tail is not None and len(text) > LONG_EVENT:
            text = without_data(text)
        try:
            value = loads(text)
        except JsonError:
            self._no_json(name, text, at_ms)
            return
        self._watch.show(value, None)
        self._reassemble(name, value, at_ms)
        if self._tail is not None:
            self._tail.took(len(text))

    def _reassemble(self, name: str, value: Any, at_ms: float) -> None:
        reassembler = self._reassembler or self._begin(value)
        try:
            reassembler.event(name, value, at_ms)
        except Exception:
            # A bug in a reassembler may cost no more than this event.
            reassembler.findings.unplaced(value, "reassemble_failed")

    def _no_json(self, name: str, data: bytes, at_ms: float) -> None:
        """Process an event that is not JSON: a fault, unless the stream's format is unknown."""
        self._watch.show_cut("", bytearray(data))
        if self._begin(None) is self._tail:
            return
        if self._format.name == "generic":
            self._reassemble(name, data.decode("utf-8", "replace"), at_ms)
        else:
            self._begin(None).findings.unplaced(data.decode("utf-8", "replace"), "invalid_event_json")

    def _begin(self, value: Any) -> Reassembler:
        """Create the reassembler, of which the first event may determine the dialect."""
        if self._reassembler is None:
            # On a WebSocket the protocol is known before its first event.
            wire_format = self._format if self._facts.socket else proven(self._format, value)
            self._reassembler = wire_format.reassembler(self._facts)
            self._joining = hasattr(self._reassembler, "joins")
            self._note_change(wire_format, self._reassembler)
        return self._reassembler

    def _note_change(self, wire_format: WireFormat, reassembler: Reassembler) -> None:
        if wire_format is not self._format:
            if self._format.name != "generic":
                reassembler.findings.fault("dialect_mismatch")
            self._format = wire_format

    def finish(self, whole: bool, at_ms: float | None = None) -> DecodedResponse:
        """Process the end of the body.

        :param whole: the body arrived to its end, by its own framing.
        :param at_ms: when the end arrived, for an event that it completes; by default, when the last bytes arrived.
        """
        if at_ms is not None:
            self._last_ms = at_ms
        if self._framing is None:
            return self._finish_plain(whole)
        return self._finish_stream(self._framing, whole)

    def _finish_plain(self, whole: bool) -> DecodedResponse:
        body = b"".join(self._held) if self._borrowed is None else self._borrowed()
        self._held.clear()
        if self._full:
            return read_cut_off(body, self._format, whole, self._first_ms)
        if self._format.line_stream and is_lines(body):
            return self._finish_lines(body, whole)
        return read_plain(body, self._facts, self._format, whole, self._first_ms)

    def _finish_lines(self, body: bytes | bytearray, whole: bool) -> DecodedResponse:
        """Decode JSON lines that some gateways send with the content type of a single JSON value."""
        self._kind, self._framing = "ndjson", LineFraming()
        self._take(self._framing.feed(bytes(body)), self._last_ms)
        return self._finish_stream(self._framing, whole)

    def _finish_stream(self, framing: Framing, whole: bool) -> DecodedResponse:
        self._take(framing.finish(), self._last_ms)
        reassembler = self._begin(None)
        self._watch.show_rest(framing)
        if isinstance(framing, SseFraming):
            self._look_behind(framing, reassembler)
        elif isinstance(framing, EventStreamFraming):
            framing.report(reassembler.findings)
        elif isinstance(framing, ArrayFraming) and not framing.complete:
            reassembler.findings.fault("unterminated_array")
        settled = self._settle(reassembler, whole)
        findings = reassembler.findings
        if self._kept is not None:
            settled, findings = self._settle_kept(self._kept, settled, findings)
        settled = bounded_counts(settled, findings)
        failed = findings.error is not None
        usage = settled.usage if settled.counted else bounded(settled.usage, settled.body)
        return DecodedResponse(
            dialect=self._format.name,
            body=settled.body,
            stream_kind=self._kind,
            stream_text=framing.text if isinstance(framing, EventStreamFraming) else None,
            frames=self._frames,
            usage=usage,
            response_model=settled.response_model,
            stop_reason=settled.stop_reason,
            complete=settled.complete and not failed,
            error=findings.error,
            missing=None if settled.answered or failed else no_events(self._facts),
            faults=findings.faults,
            first_token_ms=findings.first_token_ms,
            begun_ms=self._first_ms,
        )

    def _look_behind(self, framing: SseFraming, reassembler: Reassembler) -> None:
        """Treat a bare JSON value after the last event as an event, and note the fault."""
        if framing.recovered:
            reassembler.findings.fault("unterminated_event")
            return
        tail = framing.bare_tail()
        if tail:
            reassembler.findings.fault("bare_json")
            self._event("", tail, self._last_ms)

    def _settle_kept(self, kept: Reassembler, tail: Settled, tail_findings: Findings) -> tuple[Settled, Findings]:
        """Combine the kept part with the rest."""
        settled = joined(self._settle(kept, False), tail)
        if tail_findings.error is not None:
            kept.findings.fail(tail_findings.error.kind, tail_findings.error.message)
        if tail_findings.first_token_ms is not None:
            kept.findings.content(tail_findings.first_token_ms)
        return settled, kept.findings

    def _settle(self, reassembler: Reassembler, whole: bool) -> Settled:
        try:
            return reassembler.settle(whole)
        except Exception:
            # As above: the record then has the stream's text and this fault, and no body.
            reassembler.findings.fault("reassemble_failed")
            return Settled(complete=False)


def _framing(kind: str) -> Framing:
    if kind == "sse":
        return SseFraming()
    if kind == "ndjson":
        return LineFraming()
    return ArrayFraming() if kind == "json_array" else EventStreamFraming()
