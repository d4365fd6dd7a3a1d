"""Writing at once: what Twisted's transports do a reactor turn later, done now.

Twisted's TCP transports put every write into a buffer and send it when the reactor next finds the socket writable. A
relay knows that the socket is nearly always writable, and each piece of a stream is worth a turn. Private attributes
of `twisted.internet.abstract.FileDescriptor` are touched in this module alone; ``test_transport`` pins what it relies
on.
"""

import socket
import struct
import sys
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import Any

from twisted.internet.tcp import Connection

#: A silent peer is asked after so many seconds, then every so many, so many times.
PROBE_AFTER, PROBE_EVERY, PROBES = 60, 15, 4
_PROBES = [
    (getattr(socket, name), value)
    for name, value in (
        ("TCP_KEEPIDLE" if hasattr(socket, "TCP_KEEPIDLE") else "TCP_KEEPALIVE", PROBE_AFTER),
        ("TCP_KEEPINTVL", PROBE_EVERY),
        ("TCP_KEEPCNT", PROBES),
    )
    if hasattr(socket, name)
]
#: What of Linux's ``struct tcp_info`` counts: retransmits, probes, unacked and last_ack_recv in milliseconds.
_TCP_INFO = struct.Struct("=2xBB20xI28xI")
_TELLS = sys.platform == "linux"


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
    # Only behind an empty buffer: bytes that Twisted still holds have to go first, or the stream would be out of
    # order.
    if not transport.dataBuffer and not transport._tempDataLen and transport.connected:
        sent = _send(transport.socket, data) if data else 0
        if sent == len(data):
            return True
        if sent:
            data = data[sent:]
    transport.write(data)
    # `transport.write` may have noticed the loss; a producer that is marked as paused then would never be resumed.
    if not transport.connected:
        return True
    # Twisted pauses a producer beyond 64 KB only. Marked as paused, it is resumed once the buffer is empty, so that
    # we hear when the last byte has gone.
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
    # Half of a TLS connection cannot be closed: its close_notify ends both directions for most peers.
    transport.loseWriteConnection()
    return True


def innermost(transport: Any) -> Any:
    """Return the transport that holds the socket, below TLS and whatever else wraps it."""
    while (inner := getattr(transport, "transport", None)) is not None:
        transport = inner
    return transport


def tune(transport: Any) -> None:
    """Switch off the delaying of small segments, and ask a silent peer again and again whether it is there.

    A peer is asked after a minute, as the clients' own libraries do: home routers forget a silent connection after
    two to six minutes, and the system's own two hours would come far too late.
    """
    tcp = innermost(transport)
    if not isinstance(tcp, Connection) or tcp.socket.family not in (socket.AF_INET, socket.AF_INET6):
        return
    tcp.setTcpNoDelay(True)
    tcp.setTcpKeepAlive(True)
    for option, value in _PROBES:
        tcp.socket.setsockopt(socket.IPPROTO_TCP, option, value)


def is_dead(transport: Any, seconds: float) -> bool:
    """Tell whether the system of a peer has acknowledged nothing for some seconds although there is something to.

    The system's own TCP_USER_TIMEOUT would also end connections whose peer is alive and has its window closed (Linux
    6.18: after exactly that time), such as a client that was stopped with Ctrl-Z, and would make one lost keep-alive
    probe the last. So the system is asked what it knows, and one that answers probes is alive.

    :return: false where the system does not tell.
    """
    tcp = innermost(transport)
    if not _TELLS or not isinstance(tcp, Connection) or not tcp.connected:
        return False
    try:
        info = tcp.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
    except OSError:
        return False
    if len(info) < _TCP_INFO.size:
        return False
    retransmits, probes, unacked, heard = _TCP_INFO.unpack(info)
    # One repetition is an everyday loss; two in a row without any sign of life are not.
    repeated = (unacked and retransmits >= 2) or probes >= 2
    # A tenth less than asked for: the system's clock of the last sign and our timer do not tick together.
    return bool(repeated) and heard >= seconds * 900
