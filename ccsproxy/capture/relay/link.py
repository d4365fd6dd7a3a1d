"""A relay's link to the recorder: reports how far the log is written, receives acknowledgements."""

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall

from ccsproxy.capture import frames
from ccsproxy.capture.relay.log_writer import LogWriter
from ccsproxy.capture.relay.tap import RelayCapture
from ccsproxy.runtime.children.line_socket import LineSocket
from ccsproxy.wire import jsontext

#: Maximum delay in seconds before the recorder is told of new data; one system call covers all of it.
TICK = 0.006


class RecorderLink(LineSocket):
    """Tells one recorder how far a relay's log is written, and the relay what was stored.

    At most one message waits to be sent: a later one says everything an earlier one would have message, and a new
    recorder reads the log itself.
    """

    def __init__(
        self, reactor: Any, sock: socket.socket, log: LogWriter, capture: RelayCapture, lost: Callable[[], None]
    ) -> None:
        """Take over one end of a socket pair.

        :param lost: called once, when the other end is gone or `close` was called.
        """
        super().__init__(reactor, sock, self._acknowledged, lost)
        self._log_writer, self._capture = log, capture
        self._tick: IDelayedCall | None = None

    def start(self) -> None:
        """Start reading, and announce what is in the log."""
        super().start()
        self.wake()

    def wake(self) -> None:
        """Announce new data, once for all frames of the next few milliseconds."""
        if self._open and self._tick is None:
            self._capture.armed = True
            self._tick = self._reactor.callLater(TICK, self._send_position)

    def hurry(self) -> None:
        """Announce new data at the end of this turn: the owner of a connection can only be looked up while it
        lasts.
        """
        if self._open and not self._writing:
            if self._tick is not None and self._tick.active():
                self._tick.cancel()
            self._capture.armed = True
            self._tick = self._reactor.callLater(0, self._send_position)

    def close(self) -> None:
        """Close the connection to the recorder."""
        if self._tick is not None and self._tick.active():
            self._tick.cancel()
        self._capture.armed = False
        super().close()

    def doWrite(self) -> None:
        """Send the waiting message, and then the latest position."""
        super().doWrite()
        if self._tick is None:
            self._send_position()

    def _send_position(self) -> None:
        self._tick = None
        self._capture.armed = self._writing
        # While a message is still being sent, another one would only queue: `doWrite` sends the latest position
        # afterwards.
        if not self._writing:
            self.send(frames.more(self._log_writer.position))

    def _acknowledged(self, line: bytes) -> None:
        """Process one line: what is stored, what will never be, and up to which region everything is taken."""
        message = jsontext.loads(line)
        if (stored := message.get("stored")) is not None:
            self._capture.settle_stored(stored)
        for number in message.get("dropped", ()):
            self._capture.forget_dropped(number)
        self._log_writer.taken = max(self._log_writer.taken, message.get("taken", 0))
