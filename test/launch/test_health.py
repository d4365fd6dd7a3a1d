"""Tests of asking a running service how it is."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.launch.health import read_health


class Answering(BaseHTTPRequestHandler):
    """Answers to whoever shows the token."""

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        shown = self.headers.get("Authorization") == "Bearer secret-of-a-test"
        body = json.dumps({"status": "ok"} if shown else {"error": {}}).encode()
        self.send_response(200 if shown else 401)
        self.end_headers()
        self.wfile.write(body)


class HealthTests(SynchronousTestCase):
    """A service that asks for its token, as in a container."""

    def test_token(self) -> None:
        """It is shown where the data dir has one; without it nothing is known, which is no failure."""
        server = HTTPServer(("127.0.0.1", 0), Answering)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        found = {"api": [f"http://127.0.0.1:{server.server_address[1]}"]}
        data_dir = Path(self.mktemp())
        data_dir.mkdir()
        self.assertEqual(read_health(found, data_dir), {})
        (data_dir / "api-token").write_text("secret-of-a-test\n")
        self.assertEqual(read_health(found, data_dir), {"status": "ok"})
        self.assertEqual(read_health({}, data_dir), {})
