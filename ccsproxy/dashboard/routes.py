"""The routes of the dashboard: which page an address belongs to."""

from collections.abc import Callable, Mapping, Sequence

from ccsproxy.dashboard.answers.health_page import health_page
from ccsproxy.dashboard.answers.leaks_page import leaks_page
from ccsproxy.dashboard.answers.prompts_page import prompt_page, prompts_page
from ccsproxy.dashboard.diff.chosen import compare_page
from ccsproxy.dashboard.diff.page import diff_page
from ccsproxy.dashboard.exchange.page import exchange_page
from ccsproxy.dashboard.failing import NoSuchPage
from ccsproxy.dashboard.lists.filters import active
from ccsproxy.dashboard.lists.overview_page import overview_page
from ccsproxy.dashboard.lists.requests_page import requests_page
from ccsproxy.dashboard.lists.sessions_page import sessions_page
from ccsproxy.dashboard.page import Page
from ccsproxy.dashboard.service import Service
from ccsproxy.dashboard.session.page import session_page
from ccsproxy.store.reader.reader import Reader

Maker = Callable[[Reader, Mapping[str, str], Service], Page]


def find(segments: Sequence[str]) -> Maker:
    """Return the function that builds the page of an address.

    :raises NoSuchPage: if there is none.
    """
    match list(segments):
        case []:
            return _home
        case ["calls"]:
            return requests_page
        case ["sessions"]:
            return sessions_page
        case ["overview"]:
            return overview_page
        case ["s", sid]:
            return lambda reader, given, service: session_page(reader, sid, given, service)
        case ["x", sid, seq]:
            return lambda reader, given, service: exchange_page(reader, sid, number(seq), given, service)
        case ["leaks"]:
            return leaks_page
        case ["prompts"]:
            return prompts_page
        case ["prompts", name]:
            return lambda reader, given, service: prompt_page(name, service)
        case ["health"]:
            return health_page
        case ["diff"]:
            return compare_page
        case ["diff", sid, before, after]:
            return lambda reader, given, service: diff_page(reader, sid, number(before), number(after))
    raise NoSuchPage


def _home(reader: Reader, given: Mapping[str, str], service: Service) -> Page:
    """Make the page that one lands on: the sessions; an address with filters of calls is one of their list."""
    return (requests_page if active(given) else sessions_page)(reader, given, service)


def number(text: str) -> int:
    """Parse the number of an exchange.

    :raises NoSuchPage: if it is not a number.
    """
    # SQLite rejects integers beyond 64 bits with an error of its own.
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise NoSuchPage
    return int(text)
