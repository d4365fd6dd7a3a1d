"""The pages at ``/``: finds the page for an address, renders it in the reading pool, and writes it."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import parse_qs

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from ccsproxy.dashboard.assets import FOR_EVER, Assets, load_assets
from ccsproxy.dashboard.failing import failing_page
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.page import Page, write_page
from ccsproxy.dashboard.routes import find
from ccsproxy.dashboard.service import Service
from ccsproxy.dashboard.spent import SpentToday
from ccsproxy.store.reader.aggregates.failures import Failures
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import Reader

log = Logger()

#: Limits for a query string: more fields than any address of ours has, and the longest value.
MOST_FIELDS, LONGEST = 64, 1000
#: The content security policy: our own files, our own API, forms sent to ourselves.
# `data:` is for images in records; `trusted-types` without a policy forbids scripts to create HTML from strings.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types"
)

Health = Callable[[], Mapping[str, Any]]


class Reading(Protocol):
    """Runs a blocking call in a thread."""

    def run(self, function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        """Call a function; the Deferred fires with its result."""


class Pages(Resource):
    """Everything a person sees; reading and writing a page happen together in a thread of the pool."""

    isLeaf = True

    def __init__(
        self,
        reader: Reader,
        reading: Reading,
        health: Health,
        proxies: Callable[[], Sequence[str]],
        insights: Insights | None = None,
    ) -> None:
        """Load the static files.

        :param health: returns the answer of ``/api/health`` in constant time.
        :param proxies: returns the proxy's URLs; may block.
        :param insights: the derived answers; created if None.
        """
        super().__init__()
        self._reader, self._reading, self._health, self._proxies = reader, reading, health, proxies
        self._insights = insights or Insights(reader)
        self._assets = load_assets()
        self._failures = Failures(reader, self._insights)
        self._spent = SpentToday(reader, self._insights)

    def render(self, request: Request) -> int:
        """Answer a request for a page, or for a part of one."""
        request.setHeader(b"content-security-policy", POLICY.encode())
        segments = _segments(request)
        if segments[:1] == ["static"]:
            _send_asset(request, self._assets, segments[1:])
            return NOT_DONE_YET
        gone = request.notifyFinish()
        answering = ensureDeferred(self._answer(request, segments))
        gone.addErrback(lambda _: answering.cancel())
        answering.addErrback(_give_up, request)
        return NOT_DONE_YET

    async def _answer(self, request: Request, segments: list[str]) -> None:
        # Taken here, in the reactor's thread, which is the one that changes it.
        health = dict(self._health())
        try:
            status, body = await self._reading.run(self._make, segments, _given(request), health)
        # Captured content may make its page fail; the reader then gets an error page, not a broken connection.
        except Exception as error:
            page = failing_page(error)
            if page.status == HTTPStatus.INTERNAL_SERVER_ERROR:
                log.failure("a page could not be made")
            status, body = page.status, write_page(page, self._assets, health)
        # Twisted's Request has no public way to ask whether its client has disconnected.
        if not request._disconnected:
            _send(request, status, "text/html; charset=utf-8", body)

    def _make(self, segments: list[str], given: Mapping[str, str], health: Mapping[str, Any]) -> tuple[int, bytes]:
        """Read what a page shows and write the page; blocks."""
        service = Service(
            self._insights, self._failures, self._proxies(), list(health.get("upstreams") or ()), health
        )
        if segments == ["spent"]:
            page = Page("Spent", [h.span(self._spent.shown(), id="spent", class_="spent")], "spent", part=True)
        else:
            page = find(segments)(self._reader, given, service)
        return page.status, write_page(page, self._assets, health, None if page.part else self._spent.shown())


def _send_asset(request: Request, assets: Assets, segments: list[str]) -> None:
    """Send a file; under the address of another version it is sent too, but not to be kept."""
    asset = assets.found.get(segments[-1]) if len(segments) == 2 else None
    if asset is None:
        _send(request, HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"There is no such file.\n")
        return
    if segments[0] == assets.version:
        request.setHeader(b"cache-control", b"public, max-age=%d, immutable" % FOR_EVER)
    _send(request, HTTPStatus.OK, asset.media_type, asset.content)


def _send(request: Request, status: int, media_type: str, body: bytes) -> None:
    request.setResponseCode(status)
    request.setHeader(b"content-type", media_type.encode())
    request.setHeader(b"content-length", b"%d" % len(body))
    if request.method != b"HEAD":
        request.write(body)
    request.finish()


def _segments(request: Request) -> list[str]:
    """Return the path's segments; a trailing slash does not count."""
    parts = [*(request.prepath or ()), *(request.postpath or ())]
    return [part.decode("utf-8", "replace") for part in parts if part]


def _given(request: Request) -> dict[str, str]:
    """Return the query: the values of a name joined by commas, those that no filter can have left out."""
    query = request.uri.partition(b"?")[2].decode("latin-1")
    try:
        found = parse_qs(query, errors="replace", max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}
    return {name: ",".join(values)[:LONGEST] for name, values in found.items()}


def _give_up(reason: Any, request: Request) -> None:
    """End a request whose answer failed so that no error page is possible."""
    if request._disconnected:
        return
    log.failure("a page could not be sent", reason)
    _send(request, HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", b"This page could not be made.\n")
