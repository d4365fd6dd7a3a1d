"""How long capture holds the relay's reactor at a time: a 20 MB stream and a 20 MB body through a whole service.

    python bench/capture_hold.py

A turn of the reactor is the time between two waits for events. Client and upstream run in a process of their own. The
figures are processor time, so that a busy machine does not count.
"""

import json
import socket
import sys
import tempfile
import threading
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SIZE = 20 << 20
TURNS = 3


def event(number: int) -> bytes:
    delta = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": f"word{number} " * 12},
    }
    return f"event: content_block_delta\ndata: {json.dumps(delta)}\n\n".encode()


def stream() -> bytes:
    """Make a stream of about 20 MB."""
    start = {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "usage": {}}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    head = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in (start, block)).encode()
    piece = b"".join(event(number) for number in range(100))
    return head + piece * (SIZE // len(piece)) + b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


def answer(listener: socket.socket, body: bytes) -> None:
    """Read one request whole, and answer it."""
    connection, _ = listener.accept()
    with connection:
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(1 << 16)
        head, _, rest = data.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        left = length - len(rest)
        while left:
            left -= len(connection.recv(min(left, 1 << 20)))
        kind = b"text/event-stream" if body[:5] == b"event" else b"application/json"
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n" % (kind, len(body)))
        connection.sendall(body)


def play(pipe: Any) -> None:
    """Be the upstream and the client: one call with a large stream, one with a large body."""
    listener = socket.create_server(("127.0.0.1", 0))
    pipe.send(listener.getsockname()[1])
    proxy = pipe.recv()
    small = json.dumps({"model": "m", "stream": True, "messages": []}).encode()
    text = {"role": "user", "content": "some ordinary words of a prompt " * 30}
    large = json.dumps({"model": "m", "messages": [text] * (SIZE // 1000)}).encode()
    for request, reply in ((small, stream()), (large, b'{"type":"message","content":[],"usage":{}}')) * TURNS:
        thread = threading.Thread(target=answer, args=(listener, reply))
        thread.start()
        with socket.create_connection(("127.0.0.1", proxy)) as client:
            head = b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            client.sendall(head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(request) + request)
            while client.recv(1 << 20):
                pass
        thread.join()
    pipe.send("done")


class Poller:
    """Stands before the reactor's poller, and measures what happens between two waits."""

    def __init__(self, poller: Any) -> None:
        self._poller = poller
        self._since = time.thread_time()
        self.turns: list[float] = []

    def poll(self, *arguments: Any) -> Any:
        """Note the turn that ends here, and wait."""
        self.turns.append(time.thread_time() - self._since)
        events = self._poller.poll(*arguments)
        self._since = time.thread_time()
        return events

    def __getattr__(self, name: str) -> Any:
        return getattr(self._poller, name)


def measure(capture: str) -> list[float]:
    """Run a service with so much capture and return the turns of its reactor, the longest first."""
    ours, theirs = get_context("fork").Pipe()
    process = get_context("fork").Process(target=play, args=(theirs,))
    process.start()
    from twisted.internet import reactor as installed
    from twisted.internet.defer import ensureDeferred
    from twisted.internet.task import deferLater

    from ccsproxy.config.model import Config, Upstream
    from ccsproxy.runtime.tuning import freeze_gc
    from ccsproxy.service import serve

    reactor: Any = installed
    poller = reactor._poller = Poller(reactor._poller)
    found: list[float] = []

    async def run() -> None:
        upstream = Upstream(name="x", scheme="http", host="127.0.0.1", port=ours.recv())
        config = Config(upstreams=(upstream,), data_dir=Path(tempfile.mkdtemp()), capture=capture, proxy_port=0,
                        no_api=True, upstream_proxy="none")  # fmt: skip
        running = await serve(config, reactor)
        freeze_gc()
        await deferLater(reactor, 0.5)
        poller.turns.clear()
        ours.send(int(running.proxy_urls[0].rpartition(":")[2]))
        while not ours.poll():
            await deferLater(reactor, 0.05)
        while running.health()["in_flight"] or (capture != "off" and running.health()["stored"] < 2 * TURNS):
            await deferLater(reactor, 0.05)
        found.extend(sorted(poller.turns, reverse=True))
        await running.shutdown()
        reactor.stop()

    reactor.callWhenRunning(lambda: ensureDeferred(run()))
    reactor.run()
    process.join()
    return found


def main() -> None:
    """Measure with capture or without it, each in a process of its own: a reactor runs once."""
    if len(sys.argv) > 1:
        turns = measure(sys.argv[1])
        print(
            f"capture {sys.argv[1]:8} {len(turns):6} turns, processor time {sum(turns):.2f} s, longest "
            + ", ".join(f"{turn * 1e3:.2f}" for turn in turns[:5])
            + " ms"
        )
        return
    import subprocess

    for capture in ("off", "metadata", "full"):
        subprocess.run([sys.executable, __file__, capture], check=True)


if __name__ == "__main__":
    main()
