"""The connection to a client, below HTTP: writing in one turn, waiting for one another, and leaving in good order.

Who pauses whom: the client's transport pauses us while it has too much to send, which `clogged` and `unclogged` pass
on to whatever produces. `pause_reading` makes the client wait; one that leaves meanwhile is noticed by the site's
watch.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol
from zope.interface import implementer

from ccsproxy.proxy.deadlines import BatchedTimers, Deadline
from ccsproxy.proxy.interfaces import Seconds
from ccsproxy.proxy.server.leaving import Leaving
from ccsproxy.proxy.server.limits import Limits
from ccsproxy.proxy.server.peers import PeerWatch
from ccsproxy.proxy.transport import (
    close_writing,
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

    :ivar ending: nothing more is read from the client but the end of the connection.
    :ivar blocked: something waits for the client to read.
    :ivar peer_text: the client's address as text, empty when it has none.
    :ivar ends: host and port of the client's socket, then of ours; None where they are no TCP sockets.
    :ivar caller: the program at the other end, None while that is not known; a thread sets it.
    :ivar connection_id: the id of the first exchange on it, which names the connection; empty before that.
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
        self.deadline = Deadline(timers, _missed)
        self._stall = Deadline(timers, _missed)
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
        """Set the socket up, and be told when it has enough."""
        tune(self._wire)
        self._wire.registerProducer(self, True)
        peer, host = self._wire.getPeer(), self._wire.getHost()
        if hasattr(peer, "port") and hasattr(host, "port"):
            self.peer_text = f"{peer.host}:{peer.port}"
            self.ends = peer.host, peer.port, host.host, host.port

    @cached_property
    def owner(self) -> SocketOwner | None:
        """Whose the client's socket is; asked for with the first request, while the client is there to be known."""
        return owner_of_peer(self._wire)

    @property
    def known_owner(self) -> SocketOwner | None:
        """The same, None where nobody has asked yet."""
        known: SocketOwner | None = self.__dict__.get("owner")
        return known

    def called_by(self, process: Process) -> None:
        """Take note of the program at the other end; called in a thread, it only sets the attribute."""
        self.caller = process

    def released(self) -> None:
        """Let go of timers and watch; the connection is gone."""
        self.ending = True
        self._unsent = []
        self.deadline.close()
        self._stall.close()
        self._watch.discard(self)

    # -- reading -------------------------------------------------------------------------------------------------

    def pause_reading(self) -> None:
        """Read no more until `resume_reading`."""
        if not self.paused:
            self.paused = True
            self._wire.pauseProducing()
            self._watch.add(self)

    def resume_reading(self) -> None:
        """Read from the client again."""
        if self.paused:
            self.paused = False
            if not self.half_closed:
                self._watch.discard(self)
                self._wire.resumeProducing()

    def half_close(self) -> None:
        """Remember that the client sends no more, and watch whether it is still there to read."""
        self.half_closed = True
        self._watch.add(self)
        self._watch.check(self)

    # -- writing -------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes at the end of this turn of the reactor."""
        self._written += len(data)
        self._unsent.append(data)
        # One entry in the batch per turn, however many pieces a turn brings: head, first bytes and end leave as one
        # segment.
        if len(self._unsent) == 1:
            self._unsent_since = self._clock()
            self._write_batch.add(self)

    def flush(self) -> None:
        """Send what has been written in this turn."""
        unsent, self._unsent = self._unsent, []
        if not unsent:
            return
        data = unsent[0] if len(unsent) == 1 else b"".join(unsent)
        # The transport tells its producer only beyond 64 KB; what is smaller and stuck must stop the upstream just as
        # well.
        if not send_now(self.transport, data) and not self.blocked:
            self._block()
        self.flushed(self._clock() - self._unsent_since)

    def flushed(self, waited: float) -> None:
        """Hear that what was written has been handed to the transport.

        :param waited: how many seconds it has waited for the end of the turn.
        """

    @property
    def waiting(self) -> int:
        """How many bytes that were written have not reached the client's socket."""
        return unsent(self.transport) + sum(map(len, self._unsent))

    def _block(self) -> None:
        self.blocked = True
        self._acknowledged = self.taken()
        self._stall.set(self.limits.stall_time, self._stalled)

    def taken(self) -> int | None:
        """Return how many bytes the client's system has acknowledged, None when unknown."""
        held = unacknowledged(self.transport)
        return None if held is None else self._written - unsent(self.transport) - held

    @property
    def owed(self) -> int:
        """How many bytes that were written the client's system has not acknowledged, as far as anybody can tell."""
        return self.waiting + (unacknowledged(self.transport) or 0)

    def _stalled(self) -> None:
        """Break off a client that has taken nothing for too long; one that is merely slow is let be."""
        if not self.blocked:
            return
        taken = self.taken()
        # The socket's buffer may be full for minutes while the client reads on: bytes acknowledged count, not our own
        # turns.
        if taken is not None and taken != self._acknowledged:
            self._block()
        else:
            self.vanished()

    def pauseProducing(self) -> None:
        """The client takes less than there is for it."""
        if not self.blocked:
            self._block()
        self.clogged()

    def resumeProducing(self) -> None:
        """The client's socket has taken everything."""
        self.blocked = False
        self._stall.clear()
        self.unclogged()

    def stopProducing(self) -> None:
        """The transport is gone; ``connectionLost`` does the rest."""

    def clogged(self) -> None:
        """Produce no more until `unclogged`."""

    def unclogged(self) -> None:
        """Let the producer go on: the socket takes more."""

    # -- leaving -------------------------------------------------------------------------------------------------

    def vanished(self) -> None:
        """Give up a client that has left, or might as well have."""
        if self.transport is not None:
            self._wire.abortConnection()

    def close(self) -> None:
        """Close when everything has been sent."""
        self.ending = True
        self.flush()
        if self._closing:
            return
        self._closing = True
        Leaving(self, self._clock).begin()
        self._wire.unregisterProducer()
        self._wire.loseConnection()

    def end_writing(self) -> None:
        """Send our end of the stream, and go on reading where the transport can do that; else close."""
        self.flush()
        if not close_writing(self._wire):
            self.close()

    def detach(self, protocol: Any) -> None:
        """Leave the transport to another protocol, and be done."""
        self.flush()
        wire = self._wire
        self.resume_reading()
        self.released()
        wire.unregisterProducer()
        self.transport = None
        replace_protocol(wire, protocol)

    def linger(self) -> None:
        """Close the connection of a client that may be sending: a plain close would destroy what it has not read."""
        self.ending = True
        self.flush()
        self.resume_reading()
        if self.half_closed or not close_writing(self._wire):
            self.close()
        else:
            Leaving(self, self._clock).begin()


def _missed(what: Any) -> None:
    """Call what a deadline was set for."""
    what()
