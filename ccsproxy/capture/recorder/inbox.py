"""The recorder's end of the link: frames in, in order, spilled ones where their place is; lines out."""

from collections import deque
from collections.abc import Callable
from typing import Protocol as Seam
from typing import cast

import msgspec
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from ccsproxy.capture import frames
from ccsproxy.capture.frames import Frame, FrameDecoder
from ccsproxy.capture.recorder.report import Report
from ccsproxy.capture.settings import RecorderSettings
from ccsproxy.capture.spill import SpillCipher, read_batch

#: While the store has more records than this to write, nothing more is read: what waits, waits in the relay's spill.
APPENDING = 256
#: Seconds between two looks at the store while reading is paused.
LOOK_AGAIN = 0.02
_OPENING = (frames.HELLO, frames.RESUME)


class FrameHandler(Seam):
    """What the frames of exchanges are given to."""

    @property
    def appending(self) -> int:
        """How many records wait for the store."""

    def take(self, frame: Frame) -> None:
        """Take one frame, in the order in which the relay sent it."""


class Inbox(Protocol):
    """Reads the link.

    Until the recorder is ready, and while the store lags, the transport is paused: the relay then queues and spills.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorTime,
        spill_descriptor: int | None,
        begin: Callable[[RecorderSettings, list[str]], None],
        close: Callable[[], None],
        lost: Callable[[], None],
    ) -> None:
        """Make one.

        :param spill_descriptor: the spill file.
        :param begin: called once, with the settings and the ids of the exchanges in flight.
        :param close: called when the relay asks for the end.
        :param lost: called when the relay is gone.
        """
        self.report = Report(self._write, lambda flush: reactor.callLater(0, flush))
        self._reactor, self._descriptor = reactor, spill_descriptor
        self._begin, self._close, self._lost = begin, close, lost
        self._decoder = FrameDecoder()
        self._cipher: SpillCipher | None = None
        self._settings: RecorderSettings | None = None
        self._handler: FrameHandler | None = None
        self._held: deque[Frame] = deque()
        self._look: IDelayedCall | None = None
        self._gone = False

    def ready(self, handler: FrameHandler) -> None:
        """Begin to hand on frames."""
        self._handler = handler
        self._go_on()

    def dataReceived(self, data: bytes) -> None:
        """Take bytes of the link."""
        arrived = self._decoder.feed(data)
        if self._held or self._look is not None or self._handler is None:
            self._held += arrived
            self._take_held()
        else:
            self._take_now(arrived, self._handler)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Hear that the relay is gone."""
        self._gone = True
        if self._look is not None and self._look.active():
            self._look.cancel()
        while self._held and self._handler is not None:
            self._take(self._held.popleft())
        self._lost()

    @property
    def _producer(self) -> IPushProducer:
        """The transport, as what it is beside."""
        return cast(IPushProducer, self.transport)

    def _write(self, lines: bytes) -> None:
        if self.transport is not None and not self._gone:
            self.transport.write(lines)

    def _take_now(self, arrived: list[Frame], handler: FrameHandler) -> None:
        """Hand on what has come, nothing else being held, and hold what the store has no room for."""
        for place, frame in enumerate(arrived, 1):
            kind = frame.kind
            if kind < frames.SPILL:
                handler.take(frame)
                if kind != frames.END:
                    continue
            else:
                self._take(frame)
            if handler.appending > APPENDING:
                self._pause()
                self._held += arrived[place:]
                break

    def _take_held(self) -> None:
        """Hand on what has come, until the store has enough: one spilled batch alone may hold hundreds of records."""
        held = self._held
        while held and self._look is None and (self._handler is not None or held[0].kind in _OPENING):
            self._take(held.popleft())
            if self._handler is not None and self._handler.appending > APPENDING:
                self._pause()

    def _take(self, frame: Frame) -> None:
        handler = self._handler
        if frame.kind in _OPENING or handler is None:
            self._opening(frame)
        elif frame.kind == frames.SPILL:
            self._spilled(frame, handler)
        elif frame.kind == frames.CLOSE:
            self._close()
        else:
            handler.take(frame)

    def _opening(self, frame: Frame) -> None:
        if frame.kind == frames.HELLO:
            self._settings = msgspec.convert(frames.read_settings(frame.payload), RecorderSettings)
            self._cipher = SpillCipher(self._settings.spill_key)
        elif self._settings is not None:
            self._producer.pauseProducing()
            self._begin(self._settings, frames.read_settings(frame.payload))

    def _spilled(self, frame: Frame, handler: FrameHandler) -> None:
        where = frames.read_spill(frame.payload)
        try:
            assert self._descriptor is not None and self._cipher is not None  # noqa: S101  HELLO came first
            for each in read_batch(self._descriptor, self._cipher, where):
                handler.take(each)
        except Exception:
            self._log.failure("a spilled batch could not be read, what it held is lost")
        self.report.consumed(where.offset)

    def _pause(self) -> None:
        if self._look is None and not self._gone:
            self._producer.pauseProducing()
            self._look = self._reactor.callLater(LOOK_AGAIN, self._look_again)

    def _look_again(self) -> None:
        self._look = None
        if self._handler is not None and self._handler.appending > APPENDING // 2:
            self._look = self._reactor.callLater(LOOK_AGAIN, self._look_again)
        else:
            self._go_on()

    def _go_on(self) -> None:
        self._take_held()
        if self._look is None and not self._gone:
            self._producer.resumeProducing()
