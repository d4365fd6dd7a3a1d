"""One end of a socket pair between two of our processes: lines in, messages out, descriptors with both."""

import contextlib
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

#: How many bytes are read at once, and how many descriptors may come with them.
READ, DESCRIPTORS = 64 << 10, 16
#: A longer line cannot be one of ours.
LINE_LIMIT = 16 << 20


@implementer(IReadWriteDescriptor)
class LineSocket:
    """Sends messages as the socket accepts them, and splits what it receives into lines.

    States: open; deaf (the other end accepts nothing more, but what it sent before is still read); closed.

    :ivar descriptors: received descriptors that have not been taken yet, in order.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, sock: socket.socket, line_received: Callable[[bytes], None], lost: Callable[[], None]
    ) -> None:
        """Take over one end of a socket pair.

        :param lost: called once, when the other end is gone or `close` was called.
        """
        self.descriptors: deque[int] = deque()
        self._reactor, self._socket, self._line_received, self._lost = reactor, sock, line_received, lost
        self._buffer = bytearray()
        self._queue: deque[tuple[bytes, list[int]]] = deque()
        self._open, self._writing, self._deaf = True, False, False
        sock.setblocking(False)

    def start(self) -> None:
        """Start reading from the other end."""
        self._reactor.addReader(self)

    def send(self, message: bytes, descriptors: Sequence[int] = ()) -> None:
        """Send a message now, or as soon as the socket accepts it.

        :param descriptors: sent with its first byte; they are duplicated here, and remain the caller's.
        """
        if self._open and not self._deaf:
            # The caller may close its own at once, while the socket accepts the message much later.
            self._queue.append((message, [os.dup(each) for each in descriptors]))
            if not self._writing:
                self._write()

    def drain(self) -> None:
        """Process what the dead other end has sent last, and close."""
        while self._open and self._read():
            pass
        self.close()

    def close(self) -> None:
        """Close the socket, dropping what is unsent."""
        if not self._open:
            return
        self._open = False
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        self._socket.close()
        for each in [*self.descriptors, *(each for _, copies in self._queue for each in copies)]:
            os.close(each)
        self.descriptors.clear()
        self._queue.clear()
        self._lost()

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Name the socket in the log."""
        return "line socket"

    def doWrite(self) -> None:
        """Send messages that have waited for the socket."""
        self._write()

    def doRead(self) -> None:
        """Read, and pass on complete lines."""
        self._read()

    def connectionLost(self, reason: Failure) -> None:
        """Close: the reactor reports that the descriptor is broken."""
        self.close()

    def _write(self) -> None:
        try:
            while self._queue:
                self._write_first()
        except (BlockingIOError, InterruptedError):
            if not self._writing:
                self._writing = True
                self._reactor.addWriter(self)
            return
        except OSError:
            # What the other end sent before it stopped reading must still be read: `doRead` then finds the end by
            # itself.
            self._deaf = True
        if self._writing:
            self._writing = False
            self._reactor.removeWriter(self)

    def _write_first(self) -> None:
        message, copies = self._queue[0]
        sent = socket.send_fds(self._socket, [message], copies) if copies else self._socket.send(message)
        for each in copies:
            os.close(each)
        # Descriptors are sent with the first byte: sent again with the rest, they would arrive twice.
        self._queue[0] = (message[sent:], [])
        if sent == len(message):
            self._queue.popleft()

    def _read(self) -> bool:
        """Read once, and tell whether there was anything."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self._socket, READ, DESCRIPTORS)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            # A reset by a killed process is an end like any other.
            data, descriptors = b"", []
        for each in descriptors:
            with contextlib.suppress(OSError):
                os.set_inheritable(each, False)
        self.descriptors.extend(descriptors)
        if not data:
            self.close()
            return False
        self._buffer += data
        if b"\n" in data:
            self._lines()
        elif len(self._buffer) > LINE_LIMIT:
            self._log.error("one of our processes sent an overlong line; the link to it was closed")
            self.close()
        return True

    def _lines(self) -> None:
        complete, _, rest = bytes(self._buffer).rpartition(b"\n")
        self._buffer = bytearray(rest)
        for line in complete.split(b"\n"):
            try:
                self._line_received(line)
            except Exception:
                self._log.failure("a line from one of our processes could not be processed")
