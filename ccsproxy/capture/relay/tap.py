"""The taps that the relay calls for each exchange, cheap enough that no client notices them.

Nothing here blocks, keeps a body or raises. When a call returns, its frame is in the shared log, before the bytes it
is a copy of have left for the client. A frame that finds no room is dropped and counted: bodies first, then whole
exchanges.
"""

import time
from collections import Counter, deque
from collections.abc import Callable

from twisted.logger import Logger

from ccsproxy.capture import frames
from ccsproxy.capture.frames import RELAY_SHIFT, REQUEST_BODY, RESPONSE_BODY, EndFrame, Lost
from ccsproxy.capture.journal import Journal
from ccsproxy.capture.relay.log_writer import LogWriter, Region
from ccsproxy.capture.shared_log import ACCEPTED, BEHIND_SINCE, STORED, SharedLog
from ccsproxy.exchange.relayed import Ending, NullTap, RequestHead, ResponseHead, Tap

_NULL_TAP = NullTap()
_log = Logger()


class ExchangeTap:
    """Takes the copies of one exchange.

    :ivar regions: the log regions it holds, see `ccsproxy.capture.relay.log_writer.Holder`.
    :ivar slot: its slot in the journal.
    :ivar ended: its END frame has been written, or could not be.
    """

    __slots__ = (
        "_capture",
        "_clock",
        "_cut",
        "_log",
        "_zero",
        "ended",
        "number",
        "regions",
        "request_bytes",
        "response_bytes",
        "slot",
    )

    def __init__(self, capture: "RelayCapture", number: int, clock: Callable[[], float], zero: float) -> None:
        """Make the tap of one exchange.

        :param zero: when the exchange began, by `clock`, in seconds.
        """
        self.number, self.slot, self.ended = number, 0, False
        self.regions: list[Region] = []
        self.request_bytes = self.response_bytes = 0
        self._cut = 0
        self._capture, self._log, self._clock, self._zero = capture, capture.log, clock, zero

    def request_body(self, data: bytes) -> None:
        """Copy a piece of the request body."""
        size = len(data)
        self.request_bytes += size
        if size and not self._cut & REQUEST_BODY:
            self._append_body(REQUEST_BODY, data)

    def response_head(self, head: ResponseHead) -> None:
        """Copy the response head."""
        self._append(frames.RESPONSE_HEAD, frames.encode(head))

    def response_body(self, data: bytes) -> None:
        """Copy a piece of the response body."""
        size = len(data)
        self.response_bytes += size
        if size and not self._cut & RESPONSE_BODY:
            self._append_body(RESPONSE_BODY, data)

    def response_whole(self, outcome: str, kind: str, message: str) -> None:
        """Record that the response is complete, and how the exchange ends, before the client can have its last
        byte.
        """
        self._append(frames.WHOLE, frames.encode((outcome, kind, message)))

    def end(self, ending: Ending) -> None:
        """Record the ending, with which the relay is done with the exchange."""
        ended = EndFrame(ending, self.request_bytes, self.response_bytes)
        self.ended = True
        if self._append(frames.END, frames.encode(ended)):
            self._capture.exchange_ended(self)
        else:
            # Without its END frame the recorder would wait for it for ever.
            self._capture.settle_dropped(self.number, "queue_full")

    def _append_body(self, kind: int, data: bytes) -> None:
        capture = self._capture
        try:
            at = int((self._clock() - self._zero) * 1e6)
            if not self._log.put_body(self, kind, self.number, at, data):
                # A gap would make what follows it unreadable: the rest is dropped, too.
                self._cut |= kind
                self._append(frames.LOST, frames.lost(Lost(kind, len(data), "queue_full")))
        except Exception:
            self._failed()
        if not capture.armed:
            capture.wake()

    def _append(self, kind: int, payload: bytes) -> bool:
        """Append a frame that is kept even when bodies are dropped."""
        capture = self._capture
        try:
            at = int((self._clock() - self._zero) * 1e6)
            written = self._log.put(self, kind, self.number, at, payload)
        except Exception:
            self._failed()
            written = False
        if not capture.armed:
            capture.wake()
        return written

    def region_discarded(self, region: Region) -> None:
        """Stop holding a discarded region, and mark the gap for a new recorder."""
        if region in self.regions:
            self.regions.remove(region)
        self._capture.journal.mark_incomplete(self.slot, gone=self.ended and not self.regions)

    def begin(self, head: RequestHead) -> bool:
        """Write the head, which precedes everything else."""
        return self._append(frames.HEAD, frames.encode(head))

    def _failed(self) -> None:
        _log.failure("the tap of an exchange failed, the exchange itself is untouched")


class RelayCapture:
    """The `Capture` of one relay process: numbers exchanges, and counts what becomes of them.

    ``accepted = stored + dropped + in flight`` holds at all times; the counters are words of the shared log, so that
    other processes can read them, even after this one has died.

    :ivar journal: the exchanges that have begun and are not settled.
    :ivar armed: whether the recorder is already going to be told that there is more to read.
    """

    def __init__(
        self,
        relay: int,
        shared: SharedLog,
        log: LogWriter,
        journal: Journal,
        wake: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        hurry: Callable[[], None] = lambda: None,
    ) -> None:
        """Start capturing to an empty log.

        :param relay: the number of this relay process.
        :param wake: called when there is something to read and ``armed`` is false.
        :param clock: monotonic seconds, the same for all processes.
        :param wall: seconds since the epoch.
        :param hurry: called when the recorder should read at once: a connection is new, and may be short-lived.
        """
        self._hurry = hurry
        self.log, self.armed = log, False
        self._shared, self._words, self.journal = shared, shared.words, journal
        self._first, self._wake, self._clock, self._wall = relay << RELAY_SHIFT, wake, clock, wall
        self._taps: dict[int, ExchangeTap] = {}
        self._ended: deque[tuple[ExchangeTap, float]] = deque()
        self._closed = False

    @property
    def accepted(self) -> int:
        """How many exchanges were accepted."""
        return self._words[ACCEPTED]

    @property
    def stored(self) -> int:
        """How many exchanges have a record."""
        return self._words[STORED]

    @property
    def dropped(self) -> Counter[str]:
        """How many exchanges have no record and never will, by reason."""
        return self._shared.dropped()

    @property
    def in_flight(self) -> int:
        """How many exchanges are neither stored nor dropped."""
        return len(self._taps)

    @property
    def settled(self) -> int:
        """How many exchanges are stored or dropped."""
        return self.stored + self.dropped.total()

    def begin(self, head: RequestHead) -> Tap:
        """Accept an exchange: journal, log, counter, in this order, so that no crash in between loses it."""
        reason = "shutdown" if self._closed else "queue_full" if self.log.full else ""
        number = self._first + self._words[ACCEPTED] + 1
        tap: Tap = _NULL_TAP
        try:
            if not reason:
                tap = self._begin(head, number)
        except Exception:
            reason = "error"
            _log.failure("an exchange could not be announced to the recorder")
        if reason:
            self._shared.count_drop(reason)
        self._words[ACCEPTED] += 1
        return tap

    def wake(self) -> None:
        """Ensure that the recorder is told of new data."""
        self.armed = True
        self._wake()

    def exchange_ended(self, tap: ExchangeTap) -> None:
        """Note since when an exchange has been waiting for its record."""
        now = self._clock()
        self._ended.append((tap, now))
        if len(self._ended) == 1:
            self._words[BEHIND_SINCE] = int(now * 1e9)

    def settle_stored(self, numbers: list[int]) -> None:
        """Settle exchanges that are stored."""
        settled = 0
        for number in numbers:
            settled += self._settle(number)
        self._words[STORED] += settled
        self._update_behind()

    def settle_dropped(self, number: int, reason: str) -> None:
        """Settle an exchange that the relay itself has dropped, and count the reason."""
        if self._settle(number):
            self._shared.count_drop(reason)
            self._update_behind()

    def forget_dropped(self, number: int) -> None:
        """Settle an exchange that the recorder has dropped and counted."""
        self._settle(number)
        self._update_behind()

    def close(self) -> None:
        """Accept no further exchanges."""
        self._closed = True

    def _begin(self, head: RequestHead, number: int) -> ExchangeTap:
        zero = head.began or self._clock() - max(0.0, self._wall() - head.started_at)
        tap = ExchangeTap(self, number, self._clock, zero)
        tap.slot = self.journal.begin(number, head.id, head.started_at, head.upstream)
        if not tap.begin(head):
            self.journal.end(tap.slot)
            raise RuntimeError("the log takes no head")
        self._taps[number] = tap
        if head.connection == head.id:
            self._hurry()
        return tap

    def _settle(self, number: int) -> bool:
        tap = self._taps.pop(number, None)
        if tap is None:
            return False
        tap.ended = False
        self.log.release(tap)
        self.journal.end(tap.slot)
        return True

    def _update_behind(self) -> None:
        """Find the oldest ended exchange that waits for its record."""
        ended = self._ended
        while ended and not ended[0][0].ended:
            ended.popleft()
        self._words[BEHIND_SINCE] = int(ended[0][1] * 1e9) if ended else 0
