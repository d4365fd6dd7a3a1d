"""The recorder that the process runs: ordinary exchanges together with those of WebSockets."""

from __future__ import annotations

import time
from typing import Any

from twisted.internet.defer import Deferred

from ccsproxy.capture.frames import EndFrame, Frame
from ccsproxy.capture.recorder.assembly import Assembly
from ccsproxy.capture.recorder.ingest.unclean import cut_ending
from ccsproxy.capture.recorder.recorder import Recorder
from ccsproxy.capture.recorder.storing.record_writer import BROKEN
from ccsproxy.capture.recorder.websocket.connection import SocketExchange, SocketFacts
from ccsproxy.capture.recorder.websocket.sockets import Sockets
from ccsproxy.exchange.ids import IdSource
from ccsproxy.exchange.outcome import Outcome
from ccsproxy.exchange.relayed import RequestHead, ResponseHead


class SocketRecorder(Recorder):
    """Takes the frames of WebSockets, too; each of their exchanges ends in `Recorder` as any other."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        limit = self._policy.body_limit
        self._sockets = Sockets(
            limit, IdSource(time.time), self.take, self._open_socket, self._end_socket, super().tell
        )

    def take_other(self, frame: Frame) -> None:
        """Take a frame of a WebSocket, if it is one."""
        try:
            self._sockets.take(frame)
        except Exception:
            self._log.failure("a WebSocket could not be read")
            self._sockets.give_up(frame, BROKEN)

    def begin_other(self, frame: Frame, head: RequestHead) -> bool:
        """Take the beginning of a WebSocket."""
        if head.transport != "websocket":
            return False
        self._sockets.begin(frame, head, renamed=head.id in self._stored_before)
        return True

    def tell(self, number: int, reason: str | None = None) -> None:
        """Report an ordinary exchange to the relay at once, a WebSocket when all of it is settled."""
        if not self._sockets.settle(number, reason):
            super().tell(number, reason)

    def relay_died(self, relay: int, kind: str, message: str) -> None:
        """End the WebSockets of a relay that has died, then all else of it."""
        self._sockets.cut(EndFrame(cut_ending(Outcome.UNCLEAN, kind, message), 0, 0), relay)
        super().relay_died(relay, kind, message)

    def finish(self, cut: bool) -> Deferred[None]:
        """End the WebSockets, then wait for the store."""
        if cut:
            self._sockets.cut(EndFrame(cut_ending(Outcome.SHUTDOWN, "shutdown", "the proxy was stopped"), 0, 0))
        return super().finish(cut)

    def _open_socket(
        self, number: int, head: RequestHead, answer: ResponseHead, body: bytes, facts: SocketFacts
    ) -> Assembly:
        """Open an exchange of a WebSocket, whose request is complete at once."""
        assembly = self._open[number] = self.assembly(number, head)
        assembly.socket = facts
        try:
            if body:
                assembly.request.body.feed(body)
            value = assembly.request.peek() if body else None
            self.start(assembly, assembly.identify(value), value)
            assembly.response_begun(answer, value)
        except Exception:
            self.writer.broken(assembly)
        return assembly

    def _end_socket(self, exchange: SocketExchange, ended: EndFrame) -> None:
        assembly = self._open.get(exchange.number)
        if assembly is not None:
            self.end_exchange(assembly, ended)
