"""The mock's web site: access control and sending of responses."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from ccsproxy.exports.mock.refusal import STATUS, no_record
from ccsproxy.replay.mock.answering import Answering, Served
from ccsproxy.replay.mock.pacing import Pacer
from ccsproxy.wire.coding import decode
from ccsproxy.wire.jsontext import JsonError, dumps, loads

#: Host names of this machine; any other one is a DNS rebinding attempt of a web page.
OWN_NAMES = frozenset({b"localhost", b"127.0.0.1", b"::1", b"[::1]"})
#: Maximum size of a request body after decoding.
_LARGEST = 256 << 20


class MockResource(Resource):
    """Answers every path.

    :param answering: chooses the responses.
    """

    isLeaf = True

    def __init__(self, reactor: IReactorTime, answering: Answering) -> None:
        super().__init__()
        self._reactor, self._answering = reactor, answering

    def render(self, request: Request) -> int | bytes:
        """Answer from the matching record, or explain that there is none."""
        method, target = request.method.decode("latin-1"), request.uri.decode("latin-1")
        if refused := _refused(request):
            self._answering.told(Served(method, target, refused[0]))
            return _short(request, *refused)
        body, raw = _body_of(request)
        answer, why = self._answering.answer(method, target, body, raw)
        if answer is None:
            return _short(request, STATUS, no_record(method, target, body, why))
        Pacer(self._reactor, request, answer).start()
        return NOT_DONE_YET


def _refused(request: Any) -> tuple[int, bytes] | None:
    """Return the error for a web page that tries to read conversations: by a host name of its own, or cross-site."""
    if request.isSecure():
        return None  # came through our own CONNECT, which a page cannot send
    if request.getRequestHostname().lower() not in OWN_NAMES:
        return 421, dumps({"error": {"type": "misdirected_request", "message": "the mock answers to localhost only"}})
    origin = request.getHeader(b"origin") or b""
    if origin.startswith(b"http") or request.getHeader(b"sec-fetch-site") == b"cross-site":
        return 403, dumps({"error": {"type": "forbidden", "message": "the mock answers no web pages"}})
    return None


def _body_of(request: Any) -> tuple[Any, bytes]:
    """Return a request's JSON, None if it has none, and its bytes, both with the content coding removed."""
    raw = request.content.read() if request.content is not None else b""
    if coding := request.getHeader(b"content-encoding"):
        raw = decode(raw, coding.decode("latin-1"), _LARGEST).data
    try:
        return (loads(raw) if raw else None), raw
    except JsonError:
        return None, raw


def _short(request: Any, status: int, body: bytes) -> bytes:
    request.setResponseCode(status)
    request.setHeader(b"content-type", b"application/json")
    return body


class MockSite(Site):
    """The site; it writes no access log."""

    def __init__(self, resource: MockResource, reactor: Any) -> None:
        super().__init__(resource, reactor=reactor, timeout=None)

    def log(self, request: Any) -> None:
        """Write no access log."""
