"""The hand-over: what the relay calls for each exchange, made so cheap and so harmless that no client notices it.

Nothing here blocks, copies a body or raises. A frame that finds no room is left out and counted: bodies first, then
whole exchanges.
"""

import time
from collections import Counter
from collections.abc import Callable

from twisted.logger import Logger

from ccsproxy.capture import frames
from ccsproxy.capture.frames import FRAME_HEAD, REQUEST_BODY, RESPONSE_BODY, EndFrame, Frame, Lost
from ccsproxy.capture.pending import Holding, Pending, body_heads, pending
from ccsproxy.capture.relay.outbox import Outbox
from ccsproxy.exchange.relayed import Ending, NullTap, RequestHead, ResponseHead, Tap

_pack = FRAME_HEAD.pack
_SIZE = FRAME_HEAD.size
_NULL_TAP = NullTap()
_log = Logger()


class ExchangeTap:
    """Takes the copies of one exchange, and keeps what a new recorder would have to be told again.

    :ivar kept: by kind, the frames but bodies that have left for the recorder.
    """

    __slots__ = ("_clock", "_cut", "_outbox", "_zero", "id", "kept", "number", "request_bytes", "response_bytes")

    def __init__(
        self, number: int, exchange_id: str, outbox: Outbox, clock: Callable[[], float], zero: float
    ) -> None:
        """Make the tap of one exchange.

        :param zero: when the exchange began, by `clock`, in seconds.
        """
        self.number, self.id, self.kept = number, exchange_id, dict[int, bytes]()
        self.request_bytes = self.response_bytes = 0
        self._cut = 0
        self._outbox, self._clock, self._zero = outbox, clock, zero

    def request_body(self, data: bytes) -> None:
        """Take a piece of the request body."""
        size = len(data)
        self.request_bytes += size
        if self._cut & REQUEST_BODY or not size:
            return
        try:
            head = _pack(REQUEST_BODY, size, self.number, int((self._clock() - self._zero) * 1e6))
            if not self._outbox.put_body((head, data), size + _SIZE):
                self._leave_out(REQUEST_BODY, size)
        except Exception:
            self._failed()

    def response_head(self, head: ResponseHead) -> None:
        """Take the head of the response."""
        try:
            self._outbox.put(frames.response_head(self.number, int((self._clock() - self._zero) * 1e6), head))
        except Exception:
            self._failed()

    def response_body(self, data: bytes) -> None:
        """Take a piece of the response body."""
        size = len(data)
        self.response_bytes += size
        if self._cut & RESPONSE_BODY or not size:
            return
        try:
            head = _pack(RESPONSE_BODY, size, self.number, int((self._clock() - self._zero) * 1e6))
            if not self._outbox.put_body((head, data), size + _SIZE):
                self._leave_out(RESPONSE_BODY, size)
        except Exception:
            self._failed()

    def end(self, ending: Ending) -> None:
        """Take the ending, with which the exchange is closed for the relay."""
        try:
            ended = EndFrame(ending, self.request_bytes, self.response_bytes)
            self._outbox.put(frames.end(self.number, int((self._clock() - self._zero) * 1e6), ended))
        except Exception:
            self._failed()

    def lost(self, loss: Lost) -> None:
        """Take note of body bytes that somebody else has left out, and take no more of that body."""
        if not self._cut & loss.direction:
            self._cut |= loss.direction
            self._outbox.put(frames.lost(self.number, int((self._clock() - self._zero) * 1e6), loss))

    def resume_frames(self, waiting: Holding, reason: str) -> list[bytes]:
        """Return what a new recorder has to be told of this exchange before what still waits.

        :param waiting: what is still to come anyway.
        :param reason: the fault's name for what is lost.
        """
        told = [self.kept[kind] for kind in (frames.HEAD, frames.RESPONSE_HEAD) if kind in self.kept]
        for direction, seen, to_come in (
            (REQUEST_BODY, self.request_bytes, waiting.request),
            (RESPONSE_BODY, self.response_bytes, waiting.response),
        ):
            if frames.HEAD in self.kept and seen > to_come:
                told.append(frames.lost(self.number, 0, Lost(direction, seen - to_come, reason)))
        if frames.END in self.kept:
            told.append(self.kept[frames.END])
        return told

    def _leave_out(self, direction: int, size: int) -> None:
        """Leave out the rest of a body: a gap would make what follows it unreadable."""
        self.lost(Lost(direction, size, "queue_full"))

    def _failed(self) -> None:
        _log.failure("the tap of an exchange failed, the exchange itself is untouched")


class RelayCapture:
    """The relay's `Capture`: numbers exchanges, counts what becomes of them, and can tell it all again.

    ``accepted = stored + dropped + in flight`` holds at every moment.
    """

    def __init__(
        self, outbox: Outbox, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        """Make one over a queue.

        :param clock: monotonic seconds.
        :param wall: seconds since the epoch.
        """
        self._outbox, self._clock, self._wall = outbox, clock, wall
        self._taps: dict[int, ExchangeTap] = {}
        self._closed = False
        self.accepted = self.stored = 0
        self.dropped: Counter[str] = Counter()

    @property
    def in_flight(self) -> int:
        """How many exchanges are neither stored nor dropped."""
        return len(self._taps)

    @property
    def settled(self) -> int:
        """How many exchanges are stored or dropped."""
        return self.stored + self.dropped.total()

    def begin(self, head: RequestHead) -> Tap:
        """Announce an exchange to the recorder and return its tap."""
        zero = self._clock() - max(0.0, self._wall() - head.started_at)
        return self.begin_by(head, self._clock, zero) or _NULL_TAP

    def begin_by(self, head: RequestHead, clock: Callable[[], float], zero: float) -> ExchangeTap | None:
        """Announce an exchange whose times somebody else tells.

        :param clock: seconds, asked for each report.
        :param zero: when the exchange began, by that clock.
        :return: None when it finds no room; it is counted as dropped then.
        """
        self.accepted += 1
        if self._closed or self._outbox.full:
            self.dropped["shutdown" if self._closed else "queue_full"] += 1
            return None
        try:
            return self._begin(head, clock, zero)
        except Exception:
            self.dropped["error"] += 1
            _log.failure("an exchange could not be announced to the recorder")
            return None

    def left(self, encoded: bytes) -> None:
        """Keep a frame that has left for the recorder, until its exchange is settled."""
        kind, _, number, _ = FRAME_HEAD.unpack_from(encoded)
        if kind == frames.SPILL:
            self._outbox.spill.sent(frames.read_spill(encoded[_SIZE:]))
        elif (tap := self._taps.get(number)) is not None:
            tap.kept[kind] = encoded

    def read_back(self, heads: list[Frame]) -> None:
        """Keep the frames of a spilled batch that the recorder has taken."""
        for kind, number, at, payload in heads:
            if (tap := self._taps.get(number)) is not None and kind not in tap.kept:
                tap.kept[kind] = frames.frame(kind, number, at, payload)

    def settle_stored(self, numbers: list[int]) -> None:
        """Take note that exchanges are stored."""
        for number in numbers:
            if self._taps.pop(number, None) is not None:
                self.stored += 1

    def settle_dropped(self, number: int, reason: str) -> None:
        """Take note that the recorder dropped an exchange."""
        if self._taps.pop(number, None) is not None:
            self.dropped[reason] += 1

    def close(self) -> None:
        """Take no further exchange."""
        self._closed = True

    def drop_all(self, reason: str) -> None:
        """Count everything in flight as dropped."""
        self.dropped[reason] += len(self._taps)
        self._taps.clear()

    def in_flight_ids(self) -> list[str]:
        """Return the ids of the exchanges in flight."""
        return [tap.id for tap in self._taps.values()]

    def resume(self) -> list[bytes]:
        """Return what a new recorder is told before the queue goes on: heads, losses, ends, then spilled batches."""
        waiting = self._waiting()
        nothing = Holding()
        told = [frames.spill(region.where) for region in self._outbox.spill.regions if region.sent]
        again: list[bytes] = []
        for number, tap in self._taps.items():
            again += tap.resume_frames(waiting.get(number, nothing), "recorder_restarted")
        return again + told

    def _begin(self, head: RequestHead, clock: Callable[[], float], zero: float) -> ExchangeTap:
        tap = ExchangeTap(self.accepted, head.id, self._outbox, clock, zero)
        self._outbox.put(frames.head(tap.number, int((clock() - zero) * 1e6), head))
        self._taps[tap.number] = tap
        return tap

    def _waiting(self) -> Pending:
        outbox = self._outbox
        return pending(body_heads(outbox.waiting()) + b"".join(region.heads for region in outbox.spill.regions))
