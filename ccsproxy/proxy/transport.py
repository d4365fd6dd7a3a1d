"""Writing at once: what Twisted's transports do a reactor turn later, done now.

Twisted's TCP transports put every write into a buffer and send it when the reactor next finds the socket writable. A
relay knows that the socket is nearly always writable, and each piece of a stream is worth a turn. Private attributes
of `twisted.internet.abstract.FileDescriptor` are touched in this module alone; ``test_transport`` pins what it relies
on.
"""

import socket
import struct
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import Any

from twisted.internet.tcp import Connection


def sends_directly(transport: Any) -> bool:
    """Tell whether a transport is a plain socket, neither TLS nor something in memory."""
    return isinstance(transport, Connection) and not transport.TLS


def receive_directly(transport: Any, protocol: Any) -> None:
    """Let a plain socket call a protocol itself.

    Twisted's client endpoints leave a protocol between the two that passes everything on, one or two calls for each
    read and some hundred bytes for as long as the connection lasts.
    """
    if sends_directly(transport):
        transport.protocol = protocol


def replace_protocol(transport: Any, protocol: Any) -> None:
    """Let another protocol have a transport from now on, plain or TLS; it is told with ``makeConnection``."""
    if hasattr(transport, "wrappedProtocol"):
        transport.wrappedProtocol = protocol
    else:
        transport.protocol = protocol
    protocol.makeConnection(transport)


def send_now(transport: Any, data: bytes) -> bool:
    """Write to a transport, to its socket in this very turn if nothing is waiting before it.

    What the socket does not take is handed to ``transport.write``; the transport's producer is then resumed as soon
    as it has gone, however little it was.

    :return: whether nothing is left waiting. Transports other than plain sockets do not tell: always true for them.
    """
    if not isinstance(transport, Connection) or transport.TLS:
        transport.write(data)
        return True
    if not transport.dataBuffer and not transport._tempDataLen and transport.connected:
        sent = _send(transport.socket, data) if data else 0
        if sent == len(data):
            return True
        if sent:
            data = data[sent:]
    transport.write(data)
    if not transport.connected:
        return True
    transport.producerPaused = True
    return not unsent(transport)


def _send(peer: socket.socket, data: bytes) -> int:
    """Give a socket what it takes, 0 when that fails: the transport then meets the same failure and deals with it."""
    try:
        return peer.send(data)
    except OSError:
        return 0


def unsent(transport: Any) -> int:
    """Return how many bytes wait in a transport for its socket."""
    if not sends_directly(transport):
        return 0
    return len(transport.dataBuffer) - transport.offset + transport._tempDataLen


def unacknowledged(transport: Any) -> int | None:
    """Return how many bytes the system still holds for a peer, None when it does not say."""
    if not sends_directly(transport):
        return None
    try:
        return int(struct.unpack("i", ioctl(transport.getHandle(), TIOCOUTQ, b"\0\0\0\0"))[0])
    except OSError:
        return None


def close_writing(transport: Any) -> bool:
    """Send what waits and then our end of the stream, while the other direction stays open.

    :return: whether the transport can do that; TLS and transports in memory cannot.
    """
    if not sends_directly(transport):
        return False
    transport.loseWriteConnection()
    return True


def tune(transport: Any) -> None:
    """Switch off the delaying of small segments, and notice peers that have vanished without a word."""
    if sends_directly(transport) and transport.getHandle().family != getattr(socket, "AF_UNIX", None):
        transport.setTcpNoDelay(True)
        transport.setTcpKeepAlive(True)
