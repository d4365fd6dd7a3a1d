"""Capture across processes: a relay worker hands its frames to the main process, which reports them as its own.

The worker's side is a `RelayCapture` that forgets an exchange when its last frame has left; the main process's side
turns frames back into calls of its own `RelayCapture`, with the times that the worker stamped.
"""

from ccsproxy.capture import frames
from ccsproxy.capture.frames import Frame, FrameDecoder
from ccsproxy.capture.relay.tap import ExchangeTap, RelayCapture
from ccsproxy.exchange.outcome import Outcome
from ccsproxy.exchange.relayed import Ending, Timing


class WorkerCapture(RelayCapture):
    """The hand-over of a worker: what has left is the main process's concern."""

    def left(self, encoded: bytes) -> None:
        """Forget an exchange when its end has left."""
        if encoded[0] == frames.END:
            self.settle_stored([frames.peek(encoded)[1]])


class WorkerReceiver:
    """Reports what one worker says to the main process's hand-over.

    :ivar in_flight: how many exchanges of the worker are under way.
    """

    def __init__(self, relay_capture: RelayCapture) -> None:
        self._capture = relay_capture
        self._decoder = FrameDecoder()
        self._taps: dict[int, ExchangeTap | None] = {}
        self._now = 0.0

    @property
    def in_flight(self) -> int:
        """How many exchanges have begun and not ended."""
        return len(self._taps)

    def feed(self, data: bytes) -> None:
        """Take bytes from the worker.

        :raises Exception: when they are not frames; the worker is of no use then.
        """
        for frame in self._decoder.feed(data):
            self._now = frame.at / 1e6
            self._report(frame)

    def lost(self) -> None:
        """End everything of a worker that has died: its clients' connections died with it."""
        ending = Ending(Outcome.UNCLEAN, "worker_died", "The relay process of this exchange died.", 0, Timing())
        taps, self._taps = self._taps, {}
        for tap in taps.values():
            if tap is not None:
                tap.end(ending)

    def _report(self, frame: Frame) -> None:
        if frame.kind == frames.HEAD:
            head = frames.read_head(frame.payload)
            self._taps[frame.exchange] = self._capture.begin_by(head, lambda: self._now, 0.0)
            return
        tap = self._taps.get(frame.exchange)
        if frame.kind == frames.END:
            self._taps.pop(frame.exchange, None)
        if tap is None:
            return
        if frame.kind == frames.REQUEST_BODY:
            tap.request_body(frame.payload)
        elif frame.kind == frames.RESPONSE_BODY:
            tap.response_body(frame.payload)
        elif frame.kind == frames.RESPONSE_HEAD:
            tap.response_head(frames.read_response_head(frame.payload))
        elif frame.kind == frames.LOST:
            tap.lost(frames.read_lost(frame.payload))
        elif frame.kind == frames.END:
            tap.end(frames.read_end(frame.payload).ending)
