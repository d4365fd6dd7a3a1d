"""Writes a recorded response at the times at which it originally arrived."""

from typing import Any

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from zope.interface import implementer

from ccsproxy.exports.mock.answers import RecordedAnswer


@implementer(IPushProducer)
class Pacer:
    """Writes one response to a client.

    Invariants: at most one call is scheduled; nothing is written while the client's socket is full, nor after the
    client has disconnected; what is late is written immediately, so a slow reader is behind by no more than what it
    has not read.

    :param reactor: the clock.
    :param request: the request to answer (`twisted.web.http.Request`).
    """

    def __init__(self, reactor: IReactorTime, request: Any, answer: RecordedAnswer) -> None:
        self._reactor, self._request, self._answer = reactor, request, answer
        self._began = reactor.seconds()
        self._next = 0
        self._waiting: IDelayedCall | None = None
        self._paused = self._ended = False

    def start(self) -> None:
        """Schedule the head of the answer, and after it the body."""
        self._request.notifyFinish().addBoth(self._over)
        self._call_at(self._answer.head_at, self._head)

    def pauseProducing(self) -> None:
        """Stop writing until the client has read."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Continue, with everything that is due by now."""
        self._paused = False
        if self._waiting is None and not self._ended:
            self._write()

    def stopProducing(self) -> None:
        """Stop: the connection is gone."""
        self._over(None)

    def _head(self) -> None:
        self._waiting = None
        answer, request = self._answer, self._request
        request.setResponseCode(answer.status, answer.reason.encode("latin-1", "replace") or None)
        for own in (b"server", b"date"):
            request.responseHeaders.removeHeader(own)
        for name, value in answer.headers:
            request.responseHeaders.addRawHeader(name.encode("latin-1", "replace"), value.encode("utf-8"))
        if answer.ends and len(answer.pieces) <= 1:
            request.setHeader(b"content-length", b"%d" % sum(len(data) for _, data in answer.pieces))
        request.write(b"")
        request.registerProducer(self, True)
        self._write()

    def _write(self) -> None:
        self._waiting = None
        pieces = self._answer.pieces
        while not self._paused and not self._ended and self._next < len(pieces):
            at, data = pieces[self._next]
            if at > self._reactor.seconds() - self._began:
                self._call_at(at, self._write)
                return
            self._next += 1
            self._request.write(data)
        if self._next == len(pieces) and not self._ended:
            self._end()

    def _end(self) -> None:
        self._ended = True
        self._request.unregisterProducer()
        if self._answer.ends:
            self._request.finish()
        else:
            # Like the recorded one, it is truncated, which the client has to notice.
            self._request.loseConnection()

    def _call_at(self, at: float, what: Any) -> None:
        late = max(0.0, self._began + at - self._reactor.seconds())
        self._waiting = self._reactor.callLater(late, what)

    def _over(self, reason: object) -> None:
        self._ended = True
        waiting, self._waiting = self._waiting, None
        if waiting is not None and waiting.active():
            waiting.cancel()
