"""A mock upstream in threads of its own: it answers each request with what it was last told to."""

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attr

#: Seconds that anything may take before a test gives it up; a start alone takes more than 30 s beside other suites.
PATIENCE = 120.0


@attr.frozen
class Reply:
    """What the upstream answers.

    :ivar pieces: the body, sent piece by piece.
    :ivar gate: when given, the body stops after its first piece until the gate is opened.
    """

    pieces: tuple[bytes, ...]
    content_type: str = "text/event-stream; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = attr.field(factory=dict)
    gate: threading.Event | None = None


def json_reply(value: Any, status: int = 200, **headers: str) -> Reply:
    """Answer with JSON."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply((json.dumps(value).encode(),), "application/json", status, named)


class MockUpstream:
    """The server; ``replies`` are given out in the order in which they were put in."""

    def __init__(self) -> None:
        self.replies: queue.Queue[Reply] = queue.Queue()
        replies = self.replies

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                self._answer(replies.get(timeout=PATIENCE))

            do_GET = do_POST

            def _answer(self, reply: Reply) -> None:
                self.send_response(reply.status)
                self.send_header("Content-Type", reply.content_type)
                self.send_header("Transfer-Encoding", "chunked")
                for name, value in reply.headers.items():
                    self.send_header(name, value.encode().decode("latin-1"))
                self.end_headers()
                for number, piece in enumerate(reply.pieces):
                    if number == 1 and reply.gate is not None:
                        reply.gate.wait(10 * PATIENCE)
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
