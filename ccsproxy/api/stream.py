"""The live events over HTTP (contract, section 7): a request becomes the sink of a watcher."""

from http import HTTPStatus
from typing import Any

from twisted.python.failure import Failure

from ccsproxy.api.answer import Refused
from ccsproxy.api.live import Live


class Stream:
    """Turns requests for the live events into watchers."""

    def __init__(self, live: Live, most: int) -> None:
        """Begin with none.

        :param most: how many there may be at a time.
        """
        self._live = live
        self._most = most

    def __call__(self, request: Any) -> None:
        """Begin the stream of one reader.

        :raises Refused: when there are too many.
        """
        if len(self._live.watchers) >= self._most:
            message = f"All {self._most} live event streams are in use; close pages or programs that follow them."
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_watchers", message, {"Retry-After": "5"})
        request.setHeader(b"content-type", b"text/event-stream")
        request.setHeader(b"x-accel-buffering", b"no")
        last_id = (request.getHeader(b"last-event-id") or b"").decode("latin-1")
        RequestSink(request).begin(self._live, last_id)


class RequestSink:
    """Writes a watcher's stream to a request."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self._ended = False

    def begin(self, live: Live, last_id: str) -> None:
        """Let the watcher be paused and resumed by the request's transport."""
        self._request.notifyFinish().addBoth(self._gone)
        watcher = live.watch(self)
        self._request.registerProducer(watcher, True)
        live.replay(watcher, last_id)

    def write(self, data: bytes) -> None:
        """Write a piece."""
        if not self._ended:
            self._request.write(data)

    def end(self) -> None:
        """Finish the request and then the connection."""
        if self._ended:
            return
        self._request.unregisterProducer()
        self._request.channel.persistent = False
        self._request.finish()

    def _gone(self, reason: Failure | None) -> None:
        """Hear that the request is over, by its end or because the reader is gone."""
        self._ended = True
