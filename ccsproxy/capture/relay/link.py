"""The relay's end of the link to the recorder: frames out as the socket takes them, one JSON line each in."""

import socket
from collections.abc import Callable

from twisted.internet.interfaces import IReactorFDSet, IReadWriteDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ccsproxy.capture.relay.outbox import Outbox

#: How much is read at once, in bytes.
READ = 64 << 10
#: A line longer than this is not one of ours.
LINE_LIMIT = 16 << 20


@implementer(IReadWriteDescriptor)
class RecorderLink:
    """Writes an `Outbox` to a socket that never blocks, and cuts what comes back into lines."""

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorFDSet,
        sock: socket.socket,
        outbox: Outbox,
        line_received: Callable[[bytes], None],
        lost: Callable[[], None],
    ) -> None:
        """Take over one end of a socket pair.

        :param lost: called once, when the other end is gone or `close` was called.
        """
        self._reactor, self._socket, self._outbox = reactor, sock, outbox
        self._line_received, self._lost = line_received, lost
        self._buffer = bytearray()
        self._open = True
        self._writing = False
        self._deaf = False
        sock.setblocking(False)

    def start(self) -> None:
        """Begin to read, and to write what waits."""
        self._reactor.addReader(self)
        self.write_soon()

    def write_soon(self) -> None:
        """Write when the socket is ready."""
        if self._open and not self._writing and not self._deaf:
            self._writing = True
            self._outbox.armed = True
            self._reactor.addWriter(self)

    def flush(self) -> None:
        """Write now what the socket takes, and the rest when it is ready."""
        if not self._open or self._writing or self._deaf:
            return
        if self._flushed():
            self._outbox.armed = False
        elif self._open:
            self.write_soon()

    def drain(self) -> None:
        """Take what the dead other end has said at last, and close."""
        while self._open and self._read():
            pass
        self.close()

    def close(self) -> None:
        """Give up the link."""
        if not self._open:
            return
        self._open = False
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        self._socket.close()
        self._lost()

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Name the link in the log."""
        return "recorder link"

    def doWrite(self) -> None:
        """Write what the socket takes."""
        if self._flushed():
            self._reactor.removeWriter(self)
            self._writing = False
            self._outbox.armed = False

    def doRead(self) -> None:
        """Read the recorder's lines, and hand on those that are whole."""
        self._read()

    def _read(self) -> bool:
        """Read once, and say whether there was anything."""
        try:
            data = self._socket.recv(READ)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            data = b""
        if not data:
            self.close()
            return False
        self._buffer += data
        if b"\n" in data:
            self._lines()
        elif len(self._buffer) > LINE_LIMIT:
            self._log.error("the recorder sent a line that does not end; the link is closed")
            self.close()
        return True

    def connectionLost(self, reason: Failure) -> None:
        """Hear from the reactor that the descriptor is broken."""
        self.close()

    def _flushed(self) -> bool:
        """Write what the socket takes; what the other end has said before it went is still read."""
        try:
            return self._outbox.flush(self._send)
        except OSError:
            self._deaf = True
            self._writing = False
            self._reactor.removeWriter(self)
            return False

    def _send(self, buffers: list[bytes | memoryview]) -> int:
        return self._socket.sendmsg(buffers)

    def _lines(self) -> None:
        whole, _, rest = bytes(self._buffer).rpartition(b"\n")
        self._buffer = bytearray(rest)
        for line in whole.split(b"\n"):
            try:
                self._line_received(line)
            except Exception:
                self._log.failure("a line of the recorder could not be used")
