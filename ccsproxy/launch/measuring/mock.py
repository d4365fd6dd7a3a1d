"""The mock for measured agents: at a base URL, and as a proxy behind which every host seems to answer.

Plain threads: it runs for two short runs of one agent, in a command without a reactor.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ccsproxy.launch.measuring.answers import UPGRADE_REFUSED, answer
from ccsproxy.launch.measuring.differences import MeasuredRequest

#: Makes the TLS context for a host to which an agent believes to be connected; no real host is contacted.
Certify = Callable[[str], ssl.SSLContext]


class MeasuringMock:
    """Answers on a loopback port, and stores the requests.

    :param certify: makes the TLS context for a host name.
    """

    def __init__(self, certify: Certify) -> None:
        self._seen: list[MeasuredRequest] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.mock, self._server.certify = self, certify
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Its URL, as base URL and as proxy."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def remember(self, request: MeasuredRequest) -> None:
        """Store one request for the comparison."""
        with self._lock:
            self._seen.append(request)

    def take(self) -> list[MeasuredRequest]:
        """Return the requests since the last call."""
        with self._lock:
            seen, self._seen = self._seen, []
            return seen

    def close(self) -> None:
        """Stop the server and its threads."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    mock: MeasuringMock
    certify: Certify


class _Handler(BaseHTTPRequestHandler):
    """One connection; after ``CONNECT`` it continues under TLS, in the name of the requested host."""

    protocol_version = "HTTP/1.1"
    server: _Server
    _host = ""

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing on the agent's screen."""

    def do_CONNECT(self) -> None:
        """Take the place of the requested host."""
        self._host = self.path.rpartition(":")[0]
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            self.connection = self.server.certify(self._host).wrap_socket(self.connection, server_side=True)
        except (OSError, ValueError):
            self.close_connection = True
            return
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.close_connection = False

    def _answer(self) -> None:
        raw = self._body()
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = None
        reply = answer(self.command, self.path.partition("?")[0], body)
        if self.headers.get("Upgrade"):
            reply = UPGRADE_REFUSED
        fields = tuple(self.headers.items())
        self.server.mock.remember(
            MeasuredRequest("http", self.command, self._host, self.path, fields, body, reply.is_model_call)
        )
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        whole = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return whole
