"""A client's connection below HTTP: batched writes, flow control, and an orderly close.

Flow control: the client's transport pauses us while its buffer is full; `write_blocked` and `write_unblocked` pass
that on to the producer. `pause_reading` applies back-pressure to the client; a client that leaves while paused is
noticed by the site's `PeerWatch`.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol
from zope.interface import implementer

from ccsproxy.proxy.deadlines import BatchedTimers, Deadline
from ccsproxy.proxy.interfaces import Seconds
from ccsproxy.proxy.server.leaving import LingeringClose
from ccsproxy.proxy.server.limits import Limits
from ccsproxy.proxy.server.peers import PeerWatch
from ccsproxy.proxy.transport import (
    close_writing,
    innermost,
    replace_protocol,
    send_now,
    tune,
    unacknowledged,
    unsent,
)
from ccsproxy.runtime.sockets.peers import owner_of_peer
from ccsproxy.runtime.sockets.processes import Process
from ccsproxy.runtime.sockets.sock_diag import SocketOwner
from ccsproxy.runtime.write_batch import WriteBatch


@implementer(IPushProducer)
class ClientLink(Protocol):
    """A client's connection.

    :ivar ending: nothing more is read from the client except the end of the connection.
    :ivar blocked: written data waits for the client to read.
    :ivar peer_text: the client's address as text, empty if unknown.
    :ivar ends: host and port of the client's socket, then of ours; None if they are not TCP sockets.
    :ivar caller: the program at the other end, None while unknown; set from a thread.
    :ivar connection_id: the id of the first exchange on this connection, which names it; empty before that.
    """

    def __init__(
        self, timers: BatchedTimers, limits: Limits, watch: PeerWatch, write_batch: WriteBatch, clock: Seconds
    ) -> None:
        self.limits = limits
        self.peer_text = self.connection_id = ""
        self.ends: tuple[str, int, str, int] | None = None
        self.caller: Process | None = None
        self.ending = False
        self._closing = False
        self.blocked = False
        self.half_closed = False
        self.paused = False
        self.deadline = Deadline(timers, _expired)
        self._stall = Deadline(timers, _expired)
        self._watch = watch
        self._write_batch = write_batch
        self._clock = clock
        self._unsent: list[bytes] = []
        self._unsent_since = 0.0
        self._written = 0
        self._acknowledged: int | None = None

    @property
    def _wire(self) -> Any:
        return self.transport

    def connectionMade(self) -> None:
        """Configure the socket and register for back-pressure from the transport."""
        tune(self._wire)
        self._wire.registerProducer(self, True)
        peer, host = self._wire.getPeer(), self._wire.getHost()
        if hasattr(peer, "port") and hasattr(host, "port"):
            self.peer_text = f"{peer.host}:{peer.port}"
            self.ends = peer.host, peer.port, host.host, host.port

    @cached_property
    def owner(self) -> SocketOwner | None:
        """The owner of the client's socket; looked up with the first request, while the client still exists."""
        return owner_of_peer(self._wire)

    @property
    def known_owner(self) -> SocketOwner | None:
        """The owner if it has been looked up, else None."""
        known: SocketOwner | None = self.__dict__.get("owner")
        return known

    def set_caller(self, process: Process) -> None:
        """Store the program at the other end; called from a thread, it only sets the attribute."""
        self.caller = process

    def release(self) -> None:
        """Release timers and watch; the connection is gone."""
        self.ending = True
        self._unsent = []
        self.deadline.close()
        self._stall.close()
        self._watch.discard(self)

    # -- reading -------------------------------------------------------------------------------------------------

    def pause_reading(self) -> None:
        """Stop reading until `resume_reading`."""
        if not self.paused:
            self.paused = True
            self._wire.pauseProducing()
            self._watch.add(self)

    def resume_reading(self) -> None:
        """Resume reading from the client."""
        if self.paused:
            self.paused = False
            if not self.half_closed:
                self._watch.discard(self)
                self._wire.resumeProducing()

    def half_close(self) -> None:
        """Note that the client has sent FIN, and watch whether it is still there to read."""
        self.half_closed = True
        self._watch.add(self)
        self._watch.check(self)

    # -- writing -------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes at the end of this reactor turn."""
        self._written += len(data)
        self._unsent.append(data)
        # One entry in the batch per turn, however many pieces are written in it: head, first bytes and end leave in
        # one segment.
        if len(self._unsent) == 1:
            self._unsent_since = self._clock()
            self._write_batch.add(self)

    def flush(self) -> None:
        """Send what has been written in this turn."""
        unsent, self._unsent = self._unsent, []
        if not unsent:
            return
        data = unsent[0] if len(unsent) == 1 else b"".join(unsent)
        # The transport pauses its producer only beyond 64 KB; less than that, if it is stuck, must pause the upstream
        # as well.
        if not send_now(self.transport, data) and not self.blocked:
            self._block()
        self.flushed(self._clock() - self._unsent_since)

    def flushed(self, waited: float) -> None:
        """Called when written data has been passed to the transport.

        :param waited: seconds the data waited for the end of the turn.
        """

    @property
    def unsent_bytes(self) -> int:
        """How many written bytes have not reached the client's socket."""
        return unsent(self.transport) + sum(map(len, self._unsent))

    def _block(self) -> None:
        self.blocked = True
        self._acknowledged = self.acknowledged_bytes()
        self._stall.set(self.limits.stall_time, self._stalled)

    def acknowledged_bytes(self) -> int | None:
        """Return how many bytes the client's kernel has acknowledged, None if unknown."""
        held = unacknowledged(self.transport)
        return None if held is None else self._written - unsent(self.transport) - held

    @property
    def outstanding(self) -> int:
        """How many written bytes the client's kernel has not acknowledged, as far as is known."""
        return self.unsent_bytes + (unacknowledged(self.transport) or 0)

    def _stalled(self) -> None:
        """Abort a client that has accepted nothing for too long; one that is merely slow is left alone."""
        if not self.blocked:
            return
        taken = self.acknowledged_bytes()
        # The client's socket buffer may stay full for minutes while the client keeps reading: progress is bytes
        # acknowledged, not our own writes.
        if taken is not None and taken != self._acknowledged:
            self._block()
        else:
            self.abort_transport()

    def pauseProducing(self) -> None:
        """The client reads more slowly than we write."""
        if not self.blocked:
            self._block()
        self.write_blocked()

    def resumeProducing(self) -> None:
        """The client's socket has accepted everything."""
        self.blocked = False
        self._stall.clear()
        self.write_unblocked()

    def stopProducing(self) -> None:
        """Do nothing: the transport is gone, and ``connectionLost`` cleans up."""

    def write_blocked(self) -> None:
        """Stop producing until `write_unblocked`."""

    def write_unblocked(self) -> None:
        """Resume producing: the socket accepts data again."""

    # -- leaving -------------------------------------------------------------------------------------------------

    def abort_transport(self) -> None:
        """Abort the connection of a client that has left, or is treated as if it had."""
        if self.transport is not None:
            # Below TLS, whose own abort sends close_notify first: a body that was cut would look complete.
            innermost(self.transport).abortConnection()

    def close(self) -> None:
        """Close when everything has been sent."""
        self.ending = True
        self.flush()
        if self._closing:
            return
        self._closing = True
        LingeringClose(self, self._clock).begin()
        self._wire.unregisterProducer()
        self._wire.loseConnection()

    def end_writing(self) -> None:
        """Half-close: send FIN and keep reading if the transport supports that, else close."""
        self.flush()
        if not close_writing(self._wire):
            self.close()

    def detach(self, protocol: Any) -> None:
        """Hand the transport to another protocol and release everything here."""
        self.flush()
        wire = self._wire
        self.resume_reading()
        self.release()
        wire.unregisterProducer()
        self.transport = None
        replace_protocol(wire, protocol)

    def linger(self) -> None:
        """Half-close and drain the connection of a client that may still be sending: closing with unread data would
        send a reset, which destroys what the client has not read yet.
        """
        self.ending = True
        self.flush()
        self.resume_reading()
        if self.half_closed or not close_writing(self._wire):
            self.close()
        else:
            LingeringClose(self, self._clock).begin()


def _expired(what: Any) -> None:
    """Call the callback of an expired deadline."""
    what()
