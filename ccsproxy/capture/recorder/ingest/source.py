"""One relay as a source of frames: its log is read while it lives, and drained after its death."""

import contextlib
import os
import time
from collections.abc import Callable
from typing import Any
from typing import Protocol as Interface

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from ccsproxy.capture import frames, journal
from ccsproxy.capture.frames import RELAY_SHIFT, Attached, Frame, FrameDecoder
from ccsproxy.capture.journal import Begun
from ccsproxy.capture.recorder.ingest.log_reader import EVERYTHING, LogReader
from ccsproxy.capture.recorder.report import RelayReport
from ccsproxy.capture.shared_log import ACCEPTED, BEHIND_SINCE, WORKING, SharedLog
from ccsproxy.capture.spill import SpillCipher

#: While the store has more records than this to write, nothing more is read: the rest waits in the log.
APPENDING = 256
#: Seconds between two looks at the store while reading is paused.
LOOK_AGAIN = 0.02
#: Bytes that are read in one turn, so that acknowledgements and the other relays have theirs.
TURN = 512 << 10


class FrameHandler(Interface):
    """The consumer of the frames of exchanges."""

    @property
    def appending(self) -> int:
        """How many records wait for the store."""

    def turn_begins(self) -> None:
        """Called before the available frames are passed on."""

    def turn_ends(self) -> None:
        """Called when no more frames are available for now."""

    def take(self, frame: Frame) -> None:
        """Take one frame, in the order in which its relay wrote it."""

    def record_unclean(self, begun: Begun) -> "Deferred[bool]":
        """Record an exchange of which only the beginning is known; return whether it has a record now."""


class RelaySource(Protocol):
    """Reads one relay's log, and is the protocol of the link to that relay.

    States: waiting (nothing is passed on before `begin`), reading, paused (the store lags), ending (the relay has
    died or everything is to be finished: all existing data is read, then ``worked_off`` is called once).

    :ivar relay: the number of the relay process.
    :ivar attached: the main process's description of it.
    :ivar report: what became of its exchanges.
    :ivar begun: the exchanges that were not settled when it was attached, by number.
    :ivar since: the earliest time at which one of them may have been recorded (seconds since the epoch), None for
        moments ago.
    :ivar announced: how many exchanges its log contains.
    :ivar alive: the relay lives, as far as the link shows.
    :ivar done: everything in an ending relay's log has been passed on.
    """

    def __init__(
        self, reactor: Any, attached: Attached, descriptors: list[int], worked_off: Callable[["RelaySource"], None]
    ) -> None:
        """Attach a relay's log.

        :param descriptors: of log, journal and spill file, owned by this object from now on.
        :param worked_off: called when everything in an ending relay's log has been passed on.
        """
        self.relay, self.attached = attached.relay, attached
        self._reactor, self._worked_off = reactor, worked_off
        self._shared, self._descriptors = SharedLog(descriptors[0]), descriptors
        # In this order: every exchange with a number up to this one is in the journal, or settled.
        self._before = (self.relay << RELAY_SHIFT) + self._shared.words[ACCEPTED]
        self.begun: dict[int, Begun] = {each.number: each for each in journal.read(descriptors[1])}
        behind = self._shared.words[BEHIND_SINCE] / 1e9
        self.since = time.time() - (time.monotonic() - behind) if behind else None
        # Their heads were taken by an earlier recorder and are not in the log any more, until they are met.
        self._headless = {number for number, each in self.begun.items() if each.incomplete}
        self._skip = frozenset(attached.skip)
        self.announced = self._shared.words[ACCEPTED]
        self.report = RelayReport(self._write, self._later, self._taken, self._count_drop)
        self._decoder = FrameDecoder()
        self._reader: LogReader | None = None
        self._handler: FrameHandler | None = None
        self._step_due: IDelayedCall | None = None
        self.alive, self.done = attached.linked, False
        self._ending = self._closed = self._paused = False

    def begin(self, handler: FrameHandler, cipher: SpillCipher) -> None:
        """Start passing on frames."""
        spill = self._descriptors[2] if self.attached.spilling else None
        self._reader, self._handler = LogReader(self._shared, spill, cipher), handler
        if not self.attached.linked:
            self._ending = True
        for number in [each.number for each in self.begun.values() if each.gone]:
            self._record_headless(number, handler)
        self._step_soon(0)

    def dataReceived(self, data: bytes) -> None:
        """Read how far the log is written."""
        for frame in self._decoder.feed(data):
            if frame.kind == frames.MORE and self._reader is not None and not self._ending:
                self._reader.limit = frames.read_more(frame.payload)
        self._step_soon(0)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note that the relay has died, so its log will not grow any more."""
        self.alive = False
        if self.done:
            self._worked_off(self)
        self.finish()

    def finish(self) -> None:
        """Read all that there is, and end."""
        self._ending = True
        self._step_soon(0)

    def unread(self) -> list[Begun]:
        """Return the exchanges of a dead relay that are missing in its log."""
        # What became incomplete after we read the log was read by us, and has its record.
        begun = {
            each.number: each
            for each in journal.read(self._descriptors[1])
            if not each.incomplete or each.number in self._headless
        }
        if begun and self._reader is not None:
            for frame in self._reader.again().frames():
                if frame.kind == frames.HEAD:
                    begun.pop(frame.exchange, None)
        return list(begun.values())

    def close(self, settled: bool) -> None:
        """Release the log.

        :param settled: whether all of it is settled, so that the journal is not needed any more.
        """
        if self._step_due is not None and self._step_due.active():
            self._step_due.cancel()
        self.done = self._closed = True
        if settled:
            for path in self.attached.journals:
                with contextlib.suppress(OSError):
                    os.unlink(path)
        for each in self._descriptors:
            os.close(each)
        if self.transport is not None:
            self.transport.loseConnection()

    def _write(self, line: bytes) -> None:
        if self.transport is not None and not self._closed:
            self.transport.write(line)

    def _later(self, flush: Callable[[], None]) -> object:
        return self._reactor.callLater(0, flush)

    def _taken(self) -> int:
        return self._reader.taken if self._reader is not None else 0

    def _count_drop(self, reason: str) -> None:
        self._shared.count_drop(reason, by_recorder=True)

    def _step_soon(self, seconds: float) -> None:
        if self._reader is None or self.done:
            return
        if self._step_due is None or not self._step_due.active():
            self._step_due = self._reactor.callLater(seconds, self._step)

    def _step(self) -> None:
        """Pass on as much as one reactor turn has room for."""
        reader, handler = self._reader, self._handler
        self._step_due = None
        if reader is None or handler is None or self.done:
            return
        if self._ending:
            reader.limit = EVERYTHING
        # Half of the limit: with a single threshold, reading would stop and resume for each record.
        if handler.appending > APPENDING // 2 and self._paused:
            self._step_soon(LOOK_AGAIN)
            return
        self._paused = False
        handler.turn_begins()
        try:
            all_read = self._hand_on(reader, handler)
        finally:
            handler.turn_ends()
        if all_read and self._ending:
            self.done = True
            self._worked_off(self)

    def _hand_on(self, reader: LogReader, handler: FrameHandler) -> bool:
        """Pass on frames; return whether all were passed on."""
        words, before, begun, room = self._shared.words, self._before, self.begun, TURN
        skip = self._skip
        for frame in reader.frames():
            number = frame.exchange
            if number in skip:
                if frame.kind == frames.HEAD:
                    self.report.dropped(number, "recorder")
            elif number > before or number in begun:
                # In shared memory, before it is taken: should this exchange kill us, the main process knows which one
                # it was.
                words[WORKING] = number
                if frame.kind == frames.HEAD:
                    self._announce(number)
                elif frame.kind == frames.END and number in self._headless:
                    self._record_headless(number, handler)
                handler.take(frame)
            room -= len(frame.payload)
            # Only an END adds a record, so that nothing else has to look.
            if frame.kind == frames.END and handler.appending > APPENDING:
                self._paused = True
                self._step_soon(LOOK_AGAIN)
            elif room < 0:
                self._step_soon(0)
            else:
                continue
            words[WORKING] = 0
            return False
        words[WORKING] = 0
        return True

    def _record_headless(self, number: int, handler: FrameHandler) -> None:
        """Record the end of an exchange whose head only a dead recorder has read."""
        self._headless.discard(number)
        recorded = handler.record_unclean(self.begun[number])
        recorded.addCallback(
            lambda done: self.report.stored(number) if done else self.report.dropped(number, "recorder")
        )

    def _announce(self, number: int) -> None:
        self._headless.discard(number)
        self.announced = max(self.announced, number - (self.relay << RELAY_SHIFT))
