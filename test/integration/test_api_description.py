"""The OpenAPI document is true: schemathesis calls every endpoint with fitting and unfitting values.

It takes a minute, so it runs when ``CCSPROXY_TEST_API`` is set (``make test-api``).
"""

import os
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest, TestCase

from ccsproxy.api.guard import Guard
from ccsproxy.api.health import Health
from ccsproxy.api.process import make_api
from ccsproxy.api.reading import ReadingPool
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.state.annotations import write_annotation
from test.api.fake_queries import SID, FakeQueries
from test.exports.records import make_record
from test.insight.stored import store_world
from test.insight.world import make_world

CASES = os.environ.get("CCSPROXY_TEST_API", "")


class FullQueries(FakeQueries):
    """Has every session, and in each the requests with odd numbers."""

    def session(self, sid: str) -> dict[str, Any] | None:
        found = super().session(SID)
        return found and {**found, "meta": {**found["meta"], "session_id": sid}}

    def record(self, sid: str, seq: int) -> dict[str, Any] | None:
        return make_record(session_id=sid, seq=seq) if seq % 2 else None


class DescriptionTests(TestCase):
    """The document against what answers."""

    timeout = 900

    def setUp(self) -> None:
        if not CASES:
            raise SkipTest("set CCSPROXY_TEST_API to the number of cases for each endpoint")
        self.reading = ReadingPool(reactor)
        self.reading.start()
        self.addCleanup(self.reading.stop)

    def serve(self) -> str:
        health = Health(reactor.seconds, {"version": "0"}, 0.0)  # type: ignore[attr-defined]
        data_dir = Path(self.mktemp())
        store_world(data_dir, make_world().records[:40])
        server = make_api(
            reactor,
            Guard(frozenset()),
            FullQueries(),
            self.reading,
            health,
            "run",
            {},
            insights=Insights(Reader(data_dir)),
            annotate=lambda sid, seq, change: write_annotation(data_dir, sid, seq, change),
        )
        port = reactor.listenTCP(0, server.site(reactor), interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(port.stopListening)
        return f"http://127.0.0.1:{port.getHost().port}"

    async def test_schemathesis(self) -> None:
        """No answer is a 5xx, and none differs from its description."""
        url = self.serve()
        exclude = ["--exclude-path", "/api/stream"]
        command = ["-m", "schemathesis.cli", "run", f"{url}/openapi.json", "--checks", "all", "--max-examples", CASES]
        environment = {**os.environ, "NO_COLOR": "1"}
        output, errors, code = await getProcessOutputAndValue(
            sys.executable, [*command, *exclude, "--request-timeout", "20"], environment, self.mktemp_dir()
        )
        self.assertEqual(code, 0, (output + errors).decode("utf-8", "replace")[-8000:])

    def mktemp_dir(self) -> str:
        path = self.mktemp()
        os.mkdir(path)
        return path
