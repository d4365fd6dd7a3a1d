"""Error pages, and pages for records that cannot be shown."""

from http import HTTPStatus

from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.page import Page
from ccsproxy.store.query import QueryError
from ccsproxy.store.reader.reader import NotKept


class NoSuchPage(LookupError):
    """The address names no page."""


def failing_page(error: Exception) -> Page:
    """Build the page that explains why another one cannot be shown."""
    if isinstance(error, NotKept):
        status = HTTPStatus.GONE if error.expired else HTTPStatus.NOT_FOUND
        return _page(status, "No longer kept" if error.expired else "Not found", _sentence(error))
    if isinstance(error, NoSuchPage):
        return _page(HTTPStatus.NOT_FOUND, "Not found", "There is no page at this address.")
    if isinstance(error, QueryError):
        return _page(HTTPStatus.BAD_REQUEST, "This filter cannot be meant", _sentence(error))
    # The API's reading pool refuses with an error that has a status, such as 503 when too many requests wait.
    status = getattr(error, "status", HTTPStatus.INTERNAL_SERVER_ERROR)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return _page(status, "Not now", f"{error} Reload in a moment.")
    return _page(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "This page could not be made",
        "The reason is in the log of ccsproxy. The record itself may still be had from /api.",
    )


def _page(status: int, title: str, sentence: str) -> Page:
    body = [h.h1(title), h.p(sentence), h.p(h.a("All sessions", href="/sessions"))]
    return Page(title, body, "failing", back="/", status=int(status))


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
