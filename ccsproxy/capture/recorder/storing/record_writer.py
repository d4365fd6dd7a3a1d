"""Writes the record of an ended exchange: builds it, redacts it and passes it to the store."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.capture import frames
from ccsproxy.capture.frames import EndFrame
from ccsproxy.capture.recorder import events
from ccsproxy.capture.recorder.assembly import Assembly
from ccsproxy.capture.recorder.interfaces import Price, Store
from ccsproxy.capture.recorder.report import Report
from ccsproxy.capture.recorder.sessions.continuations import Continuations
from ccsproxy.capture.recorder.sessions.placement import Placement
from ccsproxy.capture.recorder.storing.appending import Appending
from ccsproxy.capture.recorder.storing.record_form import bare_record, whole_record
from ccsproxy.exchange.record import Record

#: The fault of an exchange whose capture raised: its record has no bodies.
BROKEN = "capture_error"
#: Exchanges of so many bytes of bodies are recorded in a thread.
LARGE = 4 << 20
InThread = Callable[[Callable[[], Any]], "Deferred[Any]"]


class RecordWriter:
    """Passes one record per exchange to the store: a complete one, a bare one, or none, which is counted.

    An exchange counts as appending from here until the store has accepted or rejected its record, so that `settled`
    also waits for records that are still being built in a thread.

    :ivar in_thread: runs the building of a large record in a thread; without it, the record is built in place.
    :ivar give_back: returns memory to the system, in a thread, when a large record has been stored.
    """

    _log = Logger()

    def __init__(
        self,
        store: Store,
        report: Report,
        placement: Placement,
        price: Price,
        tell: Callable[[int, str | None], None],
    ) -> None:
        """Create the writer.

        :param placement: learns the answer to each exchange.
        :param tell: reports to the relay that an exchange is stored, or why it is dropped.
        """
        self._store, self._report, self._placement, self._price, self._tell = store, report, placement, price, tell
        self._continued = Continuations()
        self._appending = Appending()
        self.in_thread: InThread | None = None
        self.give_back: Callable[[], None] | None = None

    @property
    def appending(self) -> int:
        """How many records the store has not acknowledged."""
        return self._appending.total

    def settled(self, relay: int | None) -> "Deferred[None]":
        """Wait for the store; see `Appending.settled`."""
        return self._appending.settled(relay)

    def write(self, assembly: Assembly, ended: EndFrame) -> None:
        """Make the record of an exchange, at once or in a thread, and give it to the store."""
        if self.in_thread is None or assembly.size < LARGE:
            self._hand_over(self._record(assembly, ended), assembly)
            return
        # Reading and redacting many megabytes takes a second or more: frames of others are taken meanwhile.
        whose = assembly.number >> frames.RELAY_SHIFT
        self._appending.begun(whose)
        made = self.in_thread(lambda: self._record(assembly, ended))
        made.addErrback(lambda failure: self._log.failure("a large exchange could not be recorded", failure))
        made.addCallback(self._hand_over, assembly)
        made.addBoth(lambda _: self._appending.over(whose))

    def write_unclean(self, record: Record, relay: int) -> "Deferred[bool]":
        """Store the record of an exchange of which only the beginning is known.

        :param relay: whose `settled` waits for it.
        :return: whether the store accepted it.
        """
        self._appending.begun(relay)
        self._tell_completed(record, stored=False)
        recorded = maybeDeferred(self._store.append, record)
        recorded.addCallbacks(lambda _: True, self._unclean_lost)
        return recorded.addCallback(self._appended_unclean, relay)

    def broken(self, assembly: Assembly) -> None:
        """Reduce an exchange whose capture raised to a record without bodies."""
        if BROKEN not in assembly.faults:
            self._log.failure("capturing an exchange failed, it becomes a record without bodies")
        assembly.note(BROKEN)

    def _unclean_lost(self, failure: Failure) -> bool:
        self._log.error("an unclean exchange could not be recorded: {error}", error=failure.value)
        return False

    def _appended_unclean(self, recorded: bool, whose: int) -> bool:
        self._appending.over(whose)
        return recorded

    def _record(self, assembly: Assembly, ended: EndFrame) -> Record | None:
        """Build the record of an exchange; of a large one in a thread, where only the assembly is changed."""
        try:
            if BROKEN not in assembly.faults:
                # Built and redacted in one step: an unredacted record never leaves this expression.
                return assembly.gate.record(*whole_record(assembly, ended), assembly.request.lines)
        except Exception:
            self.broken(assembly)
        if not assembly.seq:
            return None
        try:
            return assembly.gate.record(*bare_record(assembly, ended), assembly.request.lines)
        except Exception:
            self._log.failure("an exchange could not be recorded")
            return None

    def _hand_over(self, record: Record | None, assembly: Assembly) -> None:
        """Store the record of an exchange, or report that there is none."""
        # In any case: the bytes have to be returned to the budget for unfinished bodies.
        assembly.release()
        if record is None:
            self._tell(assembly.number, "error")
            return
        try:
            self._placement.answered(assembly, record)
        except Exception:
            self._log.failure("what an exchange was answered with could not be noted")
        try:
            # Added last, because it needs the redacted record, and the order of the store.
            appended = self._store.append(self._continued.follow(record, assembly.socket))
        except Exception:
            self._log.failure("the store did not take a record")
            self._tell(assembly.number, "error")
            return
        self._appending.begun(assembly.number >> frames.RELAY_SHIFT)
        if not assembly.announced:
            self._report.event(events.request_started(record))
        appended.addBoth(self._appended, assembly.number, record)

    def _appended(self, result: Any, number: int, record: Record) -> None:
        if isinstance(result, Failure):
            reason = getattr(result.value, "reason", None)
            self._tell(number, reason if isinstance(reason, str) else "store")
        else:
            self._tell(number, None)
        self._tell_completed(record, stored=not isinstance(result, Failure))
        self._appending.over(number >> frames.RELAY_SHIFT)
        if self.in_thread is not None and self.give_back is not None and _size_of(record) >= LARGE:
            # What a large record was made of lies in many small pieces, and the index is about to read its line.
            self.in_thread(self.give_back)

    def _tell_completed(self, record: Record, stored: bool) -> None:
        """Add an exchange to the metrics, and publish its live event when its record can be read."""
        try:
            cost = events.price_of(record, self._price)
            self._report.tally(record, cost)
            if stored:
                self._report.event(events.request_completed(record, cost))
        except Exception:
            self._log.failure("a live event could not be published")


def _size_of(record: Record) -> int:
    return record.request.body_bytes + (record.response.body_bytes if record.response is not None else 0)
