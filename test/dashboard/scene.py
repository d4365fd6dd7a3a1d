"""A dashboard over a real store, in memory otherwise."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from treq.client import HTTPClient
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.pages import Pages
from ccsproxy.store.index.feeder import IndexFeeder
from ccsproxy.store.reader.reader import Reader
from test.dashboard.reading_page import Element, misdeeds, read_page
from test.insight.stored import copy_world
from test.store.corpus import Segments

BASE = "http://127.0.0.1:8788"


class ReadingNow:
    """Runs a blocking call at once."""

    def run(self, function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        return maybeDeferred(function, *arguments)


class DashboardCase(SynchronousTestCase):
    """A test with a store and the pages over it.

    :ivar health: what the service says of itself.
    """

    def setUp(self) -> None:
        """Begin with an empty store."""
        folder = os.path.abspath(self.mktemp())
        os.makedirs(folder)
        self.data_dir = Path(tempfile.mkdtemp(dir=folder))
        self.segments = Segments(self.data_dir)
        self.reader = Reader(self.data_dir)
        self.addCleanup(self.reader.close)
        self.health: dict[str, Any] = {"redact": True, "in_flight": 0, "upstreams": {"anthropic": "https://a"}}
        pages = Pages(self.reader, ReadingNow(), lambda: self.health, lambda: ["http://127.0.0.1:8787"])
        self.agent = RequestTraversalAgent(pages)
        self.client = HTTPClient(self.agent)

    def keep(self, *records: dict[str, Any]) -> None:
        """Put records into the store and index them."""
        for record in records:
            self.segments.write(record)
        feeder = IndexFeeder(self.data_dir)
        feeder.start()
        self.assertTrue(feeder.caught_up(30))
        feeder.stop()

    def keep_world(self) -> None:
        """Put the records of the world into the store, indexed."""
        copy_world(self.data_dir)

    def ask(self, path: str, method: str = "GET") -> Any:
        """Send a request and return its response, with ``body`` read."""
        waiting = self.client.request(method, BASE + path, allow_redirects=False)
        self.agent.flush()
        response = self.successResultOf(waiting)
        response.body = self.successResultOf(response.content())
        return response

    def page(self, path: str, code: int = 200) -> Element:
        """Return a page that must have a status, and must do nothing but show."""
        response = self.ask(path)
        self.assertEqual(response.code, code, response.body[:2000])
        page = read_page(response.body)
        self.assertEqual(misdeeds(page), [])
        return page
