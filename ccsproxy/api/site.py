"""The API server's web site: the guard in front, the API behind it, and the pages at ``/``."""

from collections.abc import Callable, Coroutine, Sequence
from http import HTTPStatus
from io import BytesIO
from typing import Any, cast

import attr
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import IResource, Resource, getChildForRequest
from twisted.web.server import NOT_DONE_YET, Request, Site

from ccsproxy.api.answer import ApiResponse, Refused, not_found
from ccsproxy.api.connections import ApiChannel, ConnectionLimit
from ccsproxy.api.deliver import cut, deliver, refuse, secure
from ccsproxy.api.guard import (
    ASKING,
    CHANGING,
    METHODS,
    Guard,
    RequestFacts,
    methods_of,
    read_request_facts,
    url_credential,
    without_secrets,
)
from ccsproxy.api.one_time_key import KeyRing
from ccsproxy.api.reading import Reading
from ccsproxy.api.route import ApiCall, Endpoint, find

log = Logger()

#: First segments that belong to the API; everything else is the pages'.
API_SEGMENTS = frozenset({b"api", b"metrics", b"openapi.json"})
#: Seconds that a connection may be idle between requests, or take to send one.
IDLE = 60
#: Maximum size of a request body in bytes, where one is allowed; elsewhere bodies are discarded.
LARGEST_BODY = 1 << 17

Stream = Callable[[Request], None]


class GuardedRoot(Resource):
    """The root resource: every request passes the guard before anything else sees it.

    An accepted request goes to the API or to the pages; the pages are any resource, mounted at ``/``.
    """

    def __init__(self, guard: Guard, api: "Api", pages: IResource | None = None, keys: KeyRing | None = None) -> None:
        super().__init__()
        self._guard = guard
        self._keys = keys
        self._api = api
        self._pages = pages

    def getChild(self, path: bytes, request: Request) -> IResource:
        """Accept a request, or return the resource that refuses it."""
        secure(request)
        try:
            facts = read_request_facts(request)
            if self._guard.same_user:
                facts = attr.evolve(facts, same_user=cast(ApiChannel, request.channel).is_same_user)
            self._share(request, facts)
            # A token in a URL would remain in histories and in pasted text: it is replaced by a cookie at once.
            entrance = self._entrance(request, facts)
        except Refused as refused:
            return self._api.refusal(refused)
        if entrance is not None:
            return entrance
        if path in API_SEGMENTS or self._pages is None or request.method == b"OPTIONS":
            return self._api
        request.prepath.pop()  # type: ignore[union-attr]
        request.postpath.insert(0, path)  # type: ignore[union-attr]
        return getChildForRequest(self._pages, request)

    def refusal(self, request: Request, refused: Refused) -> IResource:
        """Return the resource that answers a request with an error, before anything of it is processed."""
        secure(request)
        return self._api.refusal(refused)

    def _entrance(self, request: Request, facts: RequestFacts) -> IResource | None:
        """Check a request; one with the token or a key in its URL is redirected without it, and gets a cookie."""
        if not self._is_shown(request, facts):
            self._guard.check(facts)
            return None
        cookie = f"{self._guard.cookie_name}={self._guard.cookie_value}; Path=/; HttpOnly; SameSite=Strict"
        headers = {
            "Location": without_secrets(request),
            "Set-Cookie": cookie + ("; Secure" if request.isSecure() else ""),
        }
        return self._api.fixed(ApiResponse(b"", "text/plain; charset=utf-8", HTTPStatus.SEE_OTHER, headers=headers))

    def _is_shown(self, request: Request, facts: RequestFacts) -> bool:
        """Tell whether the URL grants access; a key is used up only by a request that may use it."""
        if self._guard.token is None or facts.method != "GET":
            return False
        token, key = url_credential(request, "token"), url_credential(request, "key")
        if token is None and key is None:
            return False
        # Before the key is compared: a page of another site must not be able to use a key up, or to guess keys.
        self._guard.check_caller(facts)
        if token is not None and self._guard.accepts(token):
            return True
        return key is not None and self._keys is not None and self._keys.accept(key)

    def _share(self, request: Request, facts: RequestFacts) -> None:
        """Let pages of the one allowed origin read the response."""
        if self._guard.cors_allow:
            # Also if the response is not shared, since a cache could otherwise return it to the allowed origin.
            request.setHeader(b"vary", b"Origin")
        origin = self._guard.cors_origin(facts)
        if origin is None:
            return
        request.setHeader(b"access-control-allow-origin", origin.encode())
        if facts.preflight:
            request.setHeader(b"access-control-allow-methods", ", ".join(METHODS).encode())
            request.setHeader(b"access-control-allow-headers", b"authorization, last-event-id")
            request.setHeader(b"access-control-max-age", b"600")


class Api(Resource):
    """The API: finds the route of a request and writes its handler's response."""

    isLeaf = True

    def __init__(self, routes: Sequence[Endpoint], reading: Reading, stream: Stream) -> None:
        """Set up the resource.

        :param stream: takes over requests for the live events.
        """
        super().__init__()
        self._routes = routes
        self._reading = reading
        self._stream = stream

    def refusal(self, refused: Refused) -> "Fixed":
        """Return a resource that answers every request with an error."""
        return Fixed(lambda request: refuse(request, refused, self._reading))

    def fixed(self, answer: ApiResponse) -> "Fixed":
        """Return a resource that gives every request this response."""
        return Fixed(lambda request: deliver(request, answer, self._reading))

    def render(self, request: Request) -> int:
        """Answer a request, or refuse it with the reason as JSON."""
        return answer_with(request, self._answer(request))

    async def _answer(self, request: Request) -> None:
        try:
            route, call = self._match(request)
            if request.method == b"OPTIONS":
                allowed = ", ".join(methods_of(read_request_facts(request).further))
                answer = ApiResponse(b"", status=HTTPStatus.NO_CONTENT, headers={"Allow": allowed})
            elif route.path == "/api/stream" and not call.head:
                self._stream(request)
                return
            else:
                answer = await self._handled(request, route, call)
        except CancelledError:
            return
        except Refused as refused:
            await refuse(request, refused, self._reading)
            return
        # Writing to a disconnected request raises in Twisted; a reader that has left is not an error.
        if not request._disconnected:
            await deliver(request, answer, self._reading)

    async def _handled(self, request: Request, route: Endpoint, call: ApiCall) -> ApiResponse:
        """Let the endpoint answer; what has not begun for a reader who has left is not read."""
        if route.method != "GET":
            return await route.handler(call)
        # Before the handler, which may end the request at once.
        gone = request.notifyFinish()
        answering = ensureDeferred(cast(Coroutine[Deferred[Any], Any, ApiResponse], route.handler(call)))
        gone.addErrback(lambda _: answering.cancel())
        return await answering

    def _match(self, request: Request) -> tuple[Endpoint, ApiCall]:
        try:
            segments = [part.decode("utf-8") for part in [*(request.prepath or ()), *(request.postpath or ())]]
        except UnicodeDecodeError:
            raise not_found("path") from None
        method = request.method.decode("latin-1")
        says = method in (CHANGING, ASKING)
        route, found = find(self._routes, segments, method if says else "GET")
        query = request.uri.partition(b"?")[2]
        # An OPTIONS request asks about the path; its query is not validated.
        call = route.call(found, query if request.method != b"OPTIONS" else b"", request.method == b"HEAD")
        return route, attr.evolve(call, body=json_body(request)) if says else call


class Fixed(Resource):
    """Answers every request in the same way."""

    isLeaf = True

    def __init__(self, write: Callable[[Request], Coroutine[Deferred[Any], Any, None]]) -> None:
        super().__init__()
        self._write = write

    def render(self, request: Request) -> int:
        """Answer a request, or refuse it with the reason as JSON."""
        return answer_with(request, self._write(request))


def json_body(request: Request) -> bytes:
    """Return the JSON body of a request.

    :raises Refused: if its type is not JSON, which a web form could send.
    """
    kinds = request.requestHeaders.getRawHeaders(b"content-type", [])
    # A form of another site can send text and form data without a preflight; JSON requires one.
    if len(kinds) != 1 or kinds[0].partition(b";")[0].strip().lower() != b"application/json":
        message = "The request body must be sent as application/json."
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
    content = cast(BytesIO, request.content)
    content.seek(0)
    return content.read()


class ApiRequest(Request):
    """A request whose body is kept in memory, never in a file; too large a body ends the connection."""

    _taken = 0

    def gotLength(self, length: int | None) -> None:
        """Keep the body in memory, whatever its announced length."""
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """Store a piece of the body."""
        # Counted as it arrives: the announced length cannot be trusted.
        self._taken += len(data)
        if self._taken > LARGEST_BODY:
            if self.channel is not None:
                self.channel.loseConnection()
            return
        cast(BytesIO, self.content).write(data)


class ApiSite(Site):
    """A site with a connection limit, and without a log of requests: their targets may contain tokens and search
    words.

    :ivar limit: the open connections.
    """

    protocol = ApiChannel  # type: ignore[assignment]

    def __init__(self, root: "GuardedRoot", reactor: Any, limit: ConnectionLimit) -> None:
        # Forms are not parsed: Twisted would read a whole body into arguments before the guard has checked the
        # request.
        super().__init__(root, ApiRequest, reactor=reactor, timeout=IDLE, parsePOSTFormSubmission=False)
        self.limit = limit
        self._guarded_root = root

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Make the channel of a new connection, or none if there are far too many."""
        return super().buildProtocol(addr) if self.limit.has_room() else None

    def getResourceFor(self, request: Request) -> IResource:
        """Find the resource for a request; a connection beyond the limit is closed after the 503."""
        try:
            self.limit.admit(request.channel)
        except Refused as refused:
            request.channel.persistent = False
            request.setHeader(b"connection", b"close")
            return self._guarded_root.refusal(request, refused)
        return super().getResourceFor(request)

    def log(self, request: Any) -> None:
        """Write no access log: it would contain what people searched for."""


def answer_with(request: Request, writing: Coroutine[Deferred[Any], Any, None]) -> int:
    """Run a coroutine that writes a response; an exception is logged without the request, and answered with 500."""

    def failed(failure: Failure) -> None:
        log.failure("a request could not be answered", failure)
        if request.startedWriting or request._disconnected:
            cut(request)
            return
        request.setResponseCode(HTTPStatus.INTERNAL_SERVER_ERROR)
        request.setHeader(b"content-type", b"application/json")
        request.responseHeaders.removeHeader(b"content-length")
        request.write(
            b'{"error":{"type":"internal_error","message":"This could not be answered; the log says why."}}'
        )
        request.finish()

    ensureDeferred(writing).addErrback(failed)
    return NOT_DONE_YET
