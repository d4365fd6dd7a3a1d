"""An API server in memory and a client for it."""

from collections.abc import Callable
from typing import Any, TypeVar

from treq.client import HTTPClient
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from ccsproxy.api.guard import Guard
from ccsproxy.api.health import Health
from ccsproxy.api.process import ApiServer, make_api
from ccsproxy.api.queries import Queries
from test.api.fake_queries import FakeQueries

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
    queries: Queries | None = None,
    pages: Any = None,
    reading: Any = None,
    most: int | None = None,
    keys: Any = None,
    insights: Any = None,
    annotate: Any = None,
) -> tuple[ApiServer, Clock]:
    """Make an API server and the clock that it tells the time by."""
    clock = Clock()
    server = make_api(
        clock,
        guard or Guard(frozenset({PORT})),
        queries or FakeQueries(),
        reading or ReadingNow(),
        Health(clock.seconds, FACTS, 0.0, clock.seconds),
        "run",
        {"anthropic": "https://api.anthropic.com"},
        pages,
        most,
        keys,
        insights,
        annotate,
    )
    return server, clock


@implementer(IBodyProducer)
class SaidAtOnce:
    """The body of a request, written in one piece at once."""

    def __init__(self, body: bytes) -> None:
        self.length, self._body = len(body), body

    def startProducing(self, consumer: Any) -> Deferred[None]:
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        pass

    resumeProducing = stopProducing = pauseProducing


class ApiCase(SynchronousTestCase):
    """A test with a client for an API server in memory."""

    def serve(self, *arguments: Any, **keywords: Any) -> ApiServer:
        self.server, self.clock = make_scene(*arguments, **keywords)
        self.agent = RequestTraversalAgent(self.server.root)
        self.client = HTTPClient(self.agent)
        return self.server

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
