"""Immediate writes: what Twisted's transports do one reactor turn later, done now.

Twisted's TCP transports buffer every write and send it when the reactor next finds the socket writable. A relay knows
that the socket is nearly always writable, and that each piece of a stream is worth sending at once. Private
attributes of `twisted.internet.abstract.FileDescriptor` are touched in this module only; ``test_transport`` pins what
it relies on.
"""

import socket
import struct
import sys
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import Any

from twisted.internet.tcp import Connection

#: TCP keep-alive: seconds of silence before the first probe, seconds between probes, number of probes.
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
#: The members of Linux's ``struct tcp_info`` that are used: retransmits, probes, unacked, last_ack_recv in ms.
_TCP_INFO = struct.Struct("=2xBB20xI28xI")
_HAS_TCP_INFO = sys.platform == "linux"


def sends_directly(transport: Any) -> bool:
    """Tell whether a transport is a plain socket, neither TLS nor in memory."""
    return isinstance(transport, Connection) and not transport.TLS


def receive_directly(transport: Any, protocol: Any) -> None:
    """Make a plain socket call a protocol directly.

    Twisted's client endpoints leave a wrapping protocol in between, which costs one or two calls per read, and some
    hundred bytes for as long as the connection lasts.
    """
    if sends_directly(transport):
        transport.protocol = protocol


def replace_protocol(transport: Any, protocol: Any) -> None:
    """Connect a transport, plain or TLS, to another protocol; calls its ``makeConnection``."""
    if hasattr(transport, "wrappedProtocol"):
        transport.wrappedProtocol = protocol
    else:
        transport.protocol = protocol
    protocol.makeConnection(transport)


def send_now(transport: Any, data: bytes) -> bool:
    """Write to a transport, directly to its socket in this very turn if nothing is buffered before it.

    What the socket does not accept is passed to ``transport.write``; the transport then resumes its producer as soon
    as that has been sent, however little it was.

    :return: whether nothing is left in the buffer. Transports other than plain sockets do not tell: always true for
    them.
    """
    if not isinstance(transport, Connection) or transport.TLS:
        transport.write(data)
        return True
    # Only if the buffer is empty: bytes that Twisted still holds have to go first, or the stream would be out of
    # order.
    if not transport.dataBuffer and not transport._tempDataLen and transport.connected:
        sent = _send(transport.socket, data) if data else 0
        if sent == len(data):
            return True
        if sent:
            data = data[sent:]
    transport.write(data)
    # `transport.write` may have detected the loss; a producer that is marked as paused then would never be resumed.
    if not transport.connected:
        return True
    # Twisted pauses a producer only beyond 64 KB. Marked as paused, it is resumed once the buffer is empty, which
    # tells us that the last byte has gone.
    transport.producerPaused = True
    return not unsent(transport)


def _send(peer: socket.socket, data: bytes) -> int:
    """Send what a socket accepts, 0 if that fails: the transport then meets the same error and handles it."""
    try:
        return peer.send(data)
    except OSError:
        return 0


def unsent(transport: Any) -> int:
    """Return how many bytes wait in a transport for its socket; of TLS, in its encrypted form."""
    tcp = innermost(transport)
    if not isinstance(tcp, Connection):
        return 0
    return len(tcp.dataBuffer) - tcp.offset + tcp._tempDataLen


def unacknowledged(transport: Any) -> int | None:
    """Return how many bytes the kernel holds unacknowledged for a peer, None if it does not tell."""
    tcp = innermost(transport)
    if not isinstance(tcp, Connection):
        return None
    try:
        return int(struct.unpack("i", ioctl(tcp.getHandle(), TIOCOUTQ, b"\0\0\0\0"))[0])
    except OSError:
        return None


def close_writing(transport: Any) -> bool:
    """Half-close: send what is buffered and then FIN, while the other direction stays open.

    :return: whether the transport supports that; TLS and in-memory transports do not.
    """
    if not sends_directly(transport):
        return False
    # Half-closing TLS does not work: most peers take close_notify as the end of both directions.
    transport.loseWriteConnection()
    return True


def innermost(transport: Any) -> Any:
    """Return the transport that holds the socket, below TLS and other wrappers."""
    while (inner := getattr(transport, "transport", None)) is not None:
        transport = inner
    return transport


def tune(transport: Any) -> None:
    """Disable Nagle's algorithm, and enable keep-alive probes.

    Probes start after a minute, as in the clients' own libraries: home routers forget a silent connection after two
    to six minutes, and the system's default of two hours would be far too late.
    """
    tcp = innermost(transport)
    if not isinstance(tcp, Connection) or tcp.socket.family not in (socket.AF_INET, socket.AF_INET6):
        return
    tcp.setTcpNoDelay(True)
    tcp.setTcpKeepAlive(True)
    for option, value in _PROBES:
        tcp.socket.setsockopt(socket.IPPROTO_TCP, option, value)


def is_dead(transport: Any, seconds: float) -> bool:
    """Tell whether a peer's host has acknowledged nothing for some seconds although there was something to
    acknowledge.

    TCP_USER_TIMEOUT would also end connections whose peer is alive but has its window closed (Linux 6.18: after
    exactly that time), such as a client stopped with Ctrl-Z, and would make one lost keep-alive probe the last. So
    the kernel's counters are read instead, and a peer that answers probes is alive.

    :return: false if the kernel does not tell.
    """
    tcp = innermost(transport)
    if not _HAS_TCP_INFO or not isinstance(tcp, Connection) or not tcp.connected:
        return False
    try:
        info = tcp.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
    except OSError:
        return False
    if len(info) < _TCP_INFO.size:
        return False
    retransmits, probes, unacked, heard = _TCP_INFO.unpack(info)
    # A single retransmission is an everyday loss; two in a row without any sign of life are not.
    repeated = (unacked and retransmits >= 2) or probes >= 2
    # A tenth less than asked for: the kernel's clock of the last acknowledgement and our timer are not in step.
    return bool(repeated) and heard >= seconds * 900
