"""A mock upstream: ``/v1/messages`` and ``/v1/responses``, streaming at a realistic pace or not."""

import json
from collections.abc import Iterator
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from ccsproxy.demo import answers

_DIALECTS = {
    b"/v1/messages": (answers.anthropic_events, answers.anthropic_message, b"request-id"),
    b"/v1/responses": (answers.openai_events, answers.openai_response, b"x-request-id"),
}


class MockUpstream(Resource):
    """Answers model calls for both APIs, and 404 in JSON for everything else.

    :param reactor: the clock that paces the streams.
    :param pace: seconds between two events.
    :param think: seconds before the first event.
    """

    isLeaf = True

    def __init__(self, reactor: IReactorTime, pace: float = 0.03, think: float = 0.4) -> None:
        super().__init__()
        self._reactor, self._pace, self._think = reactor, pace, think

    def render(self, request: Request) -> int | bytes:
        """Answer as the API of that path would."""
        dialect = _DIALECTS.get(request.path)
        if request.method != b"POST" or dialect is None:
            return _json(
                request, {"type": "error", "error": {"type": "not_found_error", "message": "no such path"}}, 404
            )
        body = _body(request)
        if not isinstance(body.get("model"), str):
            error = {"type": "invalid_request_error", "message": "model: Field required"}
            return _json(request, {"type": "error", "error": error}, 400)
        events, whole, request_id = dialect
        request.setHeader(request_id, b"req_demo_" + str(id(request) % 10**8).encode())
        if not body.get("stream"):
            return _json(request, whole(body["model"]), 200)
        request.setHeader(b"content-type", b"text/event-stream; charset=utf-8")
        _Pacer(self._reactor, request, events(body["model"]), self._pace).start(self._think)
        return NOT_DONE_YET


class _Pacer:
    """Writes one event after the other, and stops when the client disconnects."""

    def __init__(self, reactor: IReactorTime, request: Request, events: Iterator[answers.Event], pace: float) -> None:
        self._reactor, self._request, self._events, self._pace = reactor, request, events, pace
        self._call: IDelayedCall | None = None

    def start(self, delay: float) -> None:
        """Start after some seconds."""
        self._request.notifyFinish().addErrback(self._reader_left)
        self._request.write(b"")
        self._call = self._reactor.callLater(delay, self._next)

    def _next(self) -> None:
        event = next(self._events, None)
        if event is None:
            self._call = None
            self._request.finish()
            return
        self._request.write(answers.frame(event))
        self._call = self._reactor.callLater(self._pace, self._next)

    def _reader_left(self, reason: Failure) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()


def _body(request: Request) -> dict[str, Any]:
    if request.content is None:
        return {}
    try:
        body = json.loads(request.content.read())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _json(request: Request, value: dict[str, Any], status: int) -> bytes:
    request.setResponseCode(status)
    request.setHeader(b"content-type", b"application/json")
    return json.dumps(value).encode()
