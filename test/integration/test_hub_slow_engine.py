"""A hub's engine that takes its time, or dies in the middle of an answer: one sentence, and nothing hangs."""

import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.config.shipping import ship_address
from ccsproxy.store.engine import clickhouse
from ccsproxy.store.engine.clickhouse import ClickHouseEngine
from ccsproxy.store.engine.engine import EngineError
from ccsproxy.store.engine.time_limit import TIME_LIMIT
from test.integration.test_hub import HubTestCase


class SlowEngineTests(SynchronousTestCase):
    """An engine that takes its time, or dies while it answers."""

    def setUp(self) -> None:
        Scripted.asked, Scripted.seconds, Scripted.torn, Scripted.dead = 0, 0.0, False, False
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.source = f"clickhouse+http://127.0.0.1:{self.server.server_port}/llm"
        self.engine = ClickHouseEngine(ship_address(self.source), {})

    def trouble(self, sql: str) -> str:
        return str(self.assertRaises(EngineError, self.engine.rows, sql))

    def test_one_that_dies(self) -> None:
        """In the middle of an answer, or before it: asked again only where a kept connection was stale."""
        self.assertEqual(self.engine.rows("SELECT 1"), [("1",)])
        Scripted.torn = True
        self.assertIn("in the middle of its answer", self.trouble("SELECT 2"))
        self.assertEqual(Scripted.asked, 2)
        Scripted.torn, Scripted.dead = False, True
        self.assertIn("without an answer", self.trouble("SELECT 3"))
        self.assertEqual(Scripted.asked, 3)
        Scripted.dead = False
        self.engine.rows("SELECT 4")
        Scripted.dead = True
        self.assertIn("without an answer", self.trouble("SELECT 5"))
        self.assertEqual(Scripted.asked, 6)  # the kept connection, and a new one

    def test_one_that_is_too_slow(self) -> None:
        """It is asked once, however long it takes; the sentence says what to do."""
        self.patch(clickhouse, "WITHIN", 0.3)
        Scripted.seconds = 1.0
        self.assertIn("within 0.3 seconds; choose a shorter", self.trouble("SELECT 1"))
        self.assertEqual(Scripted.asked, 1)

    def test_several_statements(self) -> None:
        """A question has one limit for all that it asks: the last statement gets what is left."""
        Scripted.seconds = 0.4
        with TIME_LIMIT.question(0.7):
            self.engine.rows("SELECT 1")
            self.assertIn("shorter time range", self.trouble("SELECT 2"))
            time.sleep(0.4)
            self.assertIn("several things", self.trouble("SELECT 3"))
        self.assertEqual(Scripted.asked, 2)
        self.engine.rows("SELECT 4")

    def test_slow_pages(self) -> None:
        """Two hubs before an engine that takes 1.5 s for each question: both answer, and their health at once."""
        Scripted.seconds = 1.5
        hubs = [HubTestCase(), HubTestCase()]
        for hub in hubs:
            hub.source = self.source
            hub.addCleanup = self.addCleanup  # type: ignore[method-assign]
            hub.start()
        found: list[tuple[int, bytes]] = []
        asking = [threading.Thread(target=lambda hub=hub: found.append(hub.get("/api/sessions"))) for hub in hubs]
        for each in asking:
            each.start()
        begun = time.monotonic()
        for hub in hubs:
            self.assertEqual(hub.get("/api/health")[0], 200)
        self.assertLess(time.monotonic() - begun, 1.4)
        for each in asking:
            each.join()
        self.assertEqual([status for status, _ in found], [200, 200])
        Scripted.torn = True
        for hub in hubs:
            status, body = hub.get("/calls?q=errors:yes")
            self.assertEqual(status, 503)
            self.assertIn(b"in the middle of its answer", body)


class Scripted(BaseHTTPRequestHandler):
    """Answers with no rows for tables and one for numbers, slowly, in half, or not at all."""

    protocol_version = "HTTP/1.1"
    asked = 0
    seconds = 0.0
    torn = dead = False

    def do_POST(self) -> None:
        """Answer."""
        sql = self.rfile.read(int(self.headers["Content-Length"])).decode()
        Scripted.asked += 1
        time.sleep(self.seconds)
        if self.dead:
            self.close_connection = True
            return
        body = b'{"data":[["1"]]}' if sql[7].isdigit() else b'{"data":[]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        with contextlib.suppress(OSError):
            self.end_headers()
        self.close_connection = self.torn
        with contextlib.suppress(OSError):  # it may have been given up
            self.wfile.write(body[: len(body) // 2] if self.torn else body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""
