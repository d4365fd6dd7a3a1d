"""Agents at work, and an upstream that answers them: in threads, so that a service may be killed beneath them."""

import http.server
import json
import random
import socket
import threading
import time
from collections.abc import Callable


def event(kind: str, **members: object) -> bytes:
    """Return one event of a stream."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


def stream_of(number: int) -> bytes:
    """Return a whole answer as a stream of events."""
    message = {"id": "msg", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": {}}
    text = "word " * (1 + number % 5 * 200)
    deltas = [
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": f"{n} {text}"}) for n in range(8)
    ]
    return b"".join(
        [
            event("message_start", message=message),
            event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
            *deltas,
            event("content_block_stop", index=0),
            event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 9}),
            event("message_stop"),
        ]
    )


def answer_of(path: str) -> tuple[bytes, bool]:
    """Return the body that a path is answered with, and whether it comes as a stream."""
    number = int(path.rpartition("-")[2])
    if number % 3:
        return json.dumps({"path": path, "text": "x" * (number % 7 * 9000)}).encode(), False
    return stream_of(number), True


class Upstream:
    """Answers every POST with what its path says, in pieces, a little later.

    :param port: where it listens, any free port when left out.
    :param failing: the share of its answers that break off in the middle.
    """

    def __init__(self, port: int = 0, failing: float = 0.0) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                body, stream = answer_of(self.path)
                self.send_response(200)
                self.send_header("content-type", "text/event-stream" if stream else "application/json")
                self.send_header("transfer-encoding", "chunked") if stream else self.send_header(
                    "content-length", str(len(body))
                )
                self.end_headers()
                if random.random() < failing:
                    self.wfile.write(b"8000\r\nhalf" if stream else body[: len(body) // 2])
                    self.close_connection = True
                    return
                if not stream:
                    self.wfile.write(body)
                    return
                for start in range(0, len(body), len(body) // 4 + 1):
                    piece = body[start : start + len(body) // 4 + 1]
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    time.sleep(0.002)
                self.wfile.write(b"0\r\n\r\n")

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_: object) -> None:
                """Say nothing: proxies that are killed leave their connections."""

        self._server = Server(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


class Agents:
    """Threads that ask, one request after the other, and note what was answered whole.

    :param failing: the share of their requests of which they do not wait for the answer.
    :ivar answered: by path, how many bytes of request and response there were.
    :ivar times: by path, when it was asked and when the answer was whole, seconds since the epoch.
    :ivar wrong: what was answered otherwise than the upstream did.
    """

    def __init__(self, port: Callable[[], int], count: int = 4, failing: float = 0.0) -> None:
        self.answered: dict[str, tuple[int, int]] = {}
        self.times: dict[str, tuple[float, float]] = {}
        self.wrong: list[str] = []
        self._port, self._stop, self._failing = port, threading.Event(), failing
        self._threads = [threading.Thread(target=self._work, args=(n,), daemon=True) for n in range(count)]
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        """Ask no more, and wait for the answers that are under way."""
        self._stop.set()
        for each in self._threads:
            each.join(30)

    def _work(self, thread: int) -> None:
        number = 0
        while not self._stop.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self._port()), 10) as connection:
                    while not self._stop.is_set():
                        number += 1
                        self._ask(
                            connection,
                            f"/v1/messages?n={thread}-{number}",
                            b'{"x": "%b"}' % (b"y" * (number % 9 * 5000)),
                        )
            except OSError:
                time.sleep(0.01)

    def _ask(self, connection: socket.socket, path: str, body: bytes) -> None:
        asked = time.time()
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        connection.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        expected, stream = answer_of(path)
        if random.random() < self._failing:
            raise OSError("hung up")
        got = b""
        while not self._whole(got, len(expected), stream):
            data = connection.recv(1 << 16)
            if not data:
                raise OSError("cut")
            got += data
        content = got.partition(b"\r\n\r\n")[2]
        if not got.startswith(b"HTTP/1.1 200") or (not stream and content != expected):
            self.wrong.append(path)
        self.times[path] = asked, time.time()
        self.answered[path] = len(body), len(expected)

    def _whole(self, got: bytes, length: int, stream: bool) -> bool:
        head, mark, content = got.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200") and mark:
            raise OSError("refused")
        return bool(mark) and (content.endswith(b"\r\n0\r\n\r\n") if stream else len(content) >= length)
