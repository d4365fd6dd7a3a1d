"""The recorder's end of the control link: receives settings and logs, sends events and health."""

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
from twisted.internet.interfaces import IFileDescriptorReceiver
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ccsproxy.capture import frames
from ccsproxy.capture.frames import Attached, Frame, FrameDecoder
from ccsproxy.capture.recorder.report import MainReport
from ccsproxy.capture.settings import RecorderSettings


@implementer(IFileDescriptorReceiver)
class Inbox(Protocol):
    """Processes the messages of the main process.

    Descriptors arrive before the last byte of the message that describes them, in its order.

    :ivar report: to the main process.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        begin: Callable[[RecorderSettings], None],
        attach: Callable[[Attached, list[int]], None],
        close: Callable[[], None],
        lost: Callable[[], None],
        reload: Callable[[RecorderSettings], None] = lambda settings: None,
    ) -> None:
        """Create the protocol.

        :param begin: called once, with the settings, when the existing relays have been attached.
        :param attach: called with each relay and its descriptors: log, journal, and spill file and link if they
            exist.
        :param close: called when the main process requests the end.
        :param lost: called when the main process has died.
        :param reload: called with the settings when some of them have changed.
        """
        self.report = MainReport(self._write, lambda flush: reactor.callLater(0, flush))
        self._begin, self._attach, self._close, self._lost, self._reload = begin, attach, close, lost, reload
        self._decoder = FrameDecoder()
        self._descriptors: deque[int] = deque()
        self._gone = False

    def fileDescriptorReceived(self, descriptor: int) -> None:
        """Keep a descriptor until its message is complete."""
        self._descriptors.append(descriptor)

    def dataReceived(self, data: bytes) -> None:
        """Take bytes of the link."""
        for frame in self._decoder.feed(data):
            try:
                self._take(frame)
            except Exception:
                self._log.failure("a message of the main process could not be used")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Report that the main process has died."""
        self._gone = True
        self._lost()

    def _take(self, frame: Frame) -> None:
        if frame.kind == frames.HELLO:
            self._begin(msgspec.convert(frames.read_message(frame.payload), RecorderSettings))
        elif frame.kind == frames.ATTACH:
            attached = frames.read_attached(frame.payload)
            # The order of the descriptors is that in which `Relays.attach` sends them: log, journal, spill file,
            # link.
            count = 2 + attached.spilling + attached.linked
            self._attach(attached, [self._descriptors.popleft() for _ in range(count)])
        elif frame.kind == frames.RELOAD:
            self._reload(msgspec.convert(frames.read_message(frame.payload), RecorderSettings))
        elif frame.kind == frames.CLOSE:
            self._close()

    def _write(self, lines: bytes) -> None:
        if self.transport is not None and not self._gone:
            self.transport.write(lines)
