"""A WebSocket answered from records: each message that requests a response gets the events of a recorded one."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from ccsproxy.replay.mock.answering import MESSAGE, Answering
from ccsproxy.wire.jsontext import JsonError, dumps, loads
from ccsproxy.wire.websocket_peer import SocketPeer

#: Close code of a server that cannot continue (RFC 6455, 7.4.1); the recorded response was truncated.
_CUT = 1011


class MockSocket(Protocol):
    """One connection.

    Invariant: a response is written event by event at its times; concurrent ones, requested by threads of an agent,
    keep their own times.
    """

    def __init__(self, reactor: IReactorTime, answering: Answering) -> None:
        self._reactor, self._answering = reactor, answering
        self._peer = SocketPeer()
        self._waiting: set[IDelayedCall] = set()

    def dataReceived(self, data: bytes) -> None:
        """Process the client's frames, and answer them."""
        texts, out = self._peer.feed(data)
        self._write(out)
        for text in texts:
            self._asked(text)
        if self._peer.closed and self.transport is not None:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Stop writing recorded frames: the client is gone."""
        self._peer.closed = True
        for call in self._waiting:
            call.cancel()
        self._waiting.clear()

    def _asked(self, text: str) -> None:
        try:
            body: Any = loads(text)
        except JsonError:
            body = None
        answer, why = self._answering.answer(MESSAGE, self._peer.target, body, text.encode())
        if answer is None:
            said = {"type": "error", "status": 404, "error": {"type": "not_found", "message": why}}
            self._say(dumps(said).decode())
            return
        for at, piece in answer.pieces:
            for line in piece.decode("utf-8", "replace").splitlines():
                self._later(at, line)
        if not answer.ends:
            self._later(answer.pieces[-1][0] if answer.pieces else 0.0, None)

    def _later(self, at: float, line: str | None) -> None:
        """Send a line after some seconds; without one, close the connection."""

        def due() -> None:
            self._waiting.discard(call)
            if line is not None:
                self._say(line)
            elif self.transport is not None:
                self._write(self._peer.close(_CUT))
                self.transport.loseConnection()

        call = self._reactor.callLater(at, due)
        self._waiting.add(call)

    def _say(self, text: str) -> None:
        self._write(self._peer.say(text))

    def _write(self, data: bytes) -> None:
        if data and self.transport is not None:
            self.transport.write(data)
