"""A desk in memory and a client for it."""

from collections.abc import Callable
from typing import Any, TypeVar

from treq.client import HTTPClient
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.api.archive import Archive
from ccsproxy.api.guard import Guard
from ccsproxy.api.health import Health
from ccsproxy.api.process import Desk, make_desk
from test.api.fake_archive import FakeArchive

T = TypeVar("T")
PORT = 8788
BASE = f"http://127.0.0.1:{PORT}"
FACTS = {"provider": "auto", "upstream": "https://api.anthropic.com", "session_id": "run", "version": "0", "pid": 1}


class ReadingNow:
    """Runs a blocking call at once."""

    def run(self, function: Callable[..., T], *arguments: Any) -> Deferred[T]:
        return maybeDeferred(function, *arguments)


def make_scene(
    guard: Guard | None = None,
    archive: Archive | None = None,
    pages: Any = None,
    reading: Any = None,
    most: int | None = None,
) -> tuple[Desk, Clock]:
    """Make a desk and the clock that it tells the time by."""
    clock = Clock()
    desk = make_desk(
        clock,
        guard or Guard(frozenset({PORT})),
        archive or FakeArchive(),
        reading or ReadingNow(),
        Health(clock.seconds, FACTS, 0.0),
        "run",
        {"anthropic": "https://api.anthropic.com"},
        pages,
        most,
    )
    return desk, clock


class DeskCase(SynchronousTestCase):
    """A test with a client for a desk in memory."""

    def serve(self, *arguments: Any, **keywords: Any) -> Desk:
        self.desk, self.clock = make_scene(*arguments, **keywords)
        self.agent = RequestTraversalAgent(self.desk.root)
        self.client = HTTPClient(self.agent)
        return self.desk

    def ask(self, path: str, method: str = "GET", base: str = BASE, **keywords: Any) -> Any:
        """Send a request and return its response, with ``body`` read."""
        waiting = self.client.request(method, base + path, allow_redirects=False, **keywords)
        self.agent.flush()
        response = self.successResultOf(waiting)
        response.body = self.successResultOf(response.content())
        return response

    def get(self, path: str, **keywords: Any) -> Any:
        """Return the JSON of an answer that must be 200."""
        response = self.ask(path, **keywords)
        self.assertEqual(response.code, 200, response.body)
        return self.successResultOf(response.json())
