"""Verifies that the installed proxy is transparent: the same requests with and without it, byte for byte.

An upstream and a client exchange plain bytes on loopback, once directly and once through a ccsproxy started for this;
what each of them received is compared. Plain threads and sockets: none of the relay's code is used on either side.
"""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import attr

from ccsproxy.errors import StartError
from ccsproxy.launch.measuring.wire_messages import Incoming, RawMessage, difference, read_message
from ccsproxy.run import read_run_file

#: Time limits in seconds for one exchange, and for the start of the proxy.
_PATIENCE, _START_WITHIN = 20.0, 60.0


@attr.frozen
class WireExchange:
    """A request and its response, as bytes.

    :ivar title: what it tests.
    :ivar request: complete, with ``{host}`` in place of the authority.
    :ivar answer: pieces, each written separately.
    :ivar closes: the upstream closes the connection after the last one.
    """

    title: str
    request: bytes
    answer: Sequence[bytes]
    closes: bool = False


@attr.frozen
class WireResult:
    """The result of one exchange.

    :ivar request: how the two requests received by the upstream differ; empty for not at all.
    :ivar answer: how the two responses received by the client differ.
    """

    title: str
    request: str
    answer: str

    @property
    def equal(self) -> bool:
        """Whether request and response are the same with and without the proxy."""
        return not self.request and not self.answer


def verify_wire(exchanges: Sequence[WireExchange]) -> list[WireResult]:
    """Run exchanges directly and through a proxy, and compare.

    :raises StartError: if the proxy does not start.
    """
    upstream = _Upstream(exchanges)
    try:
        with tempfile.TemporaryDirectory(prefix="ccsproxy-wire-", ignore_cleanup_errors=True) as folder:
            program, port = _start(Path(folder) / "data", upstream.port)
            try:
                return [_compared(number, each, upstream, port) for number, each in enumerate(exchanges)]
            finally:
                program.terminate()
                program.wait()
    finally:
        upstream.close()


def _start(data_dir: Path, upstream: int) -> tuple[subprocess.Popen[bytes], int]:
    command = [sys.executable, "-P", "-m", "ccsproxy.tools", "serve", "--no-open", "--no-api", "--proxy-port", "0"]
    command += ["--upstream", f"http://127.0.0.1:{upstream}", "--data-dir", str(data_dir), "--upstream-proxy", "none"]
    program = subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
    )
    until = time.monotonic() + _START_WITHIN
    while (found := read_run_file(data_dir) if data_dir.is_dir() else None) is None:
        if program.poll() is not None or time.monotonic() > until:
            program.kill()
            raise StartError("The proxy that is to be verified did not start; try 'ccsproxy serve' by hand.")
        time.sleep(0.05)
    return program, int(found["proxy"][0].rpartition(":")[2])


def _compared(number: int, exchange: WireExchange, upstream: _Upstream, proxy: int) -> WireResult:
    got, answers = [], []
    for port in (upstream.port, proxy):
        upstream.expect(number)
        answers.append(_ask(exchange.request, port))
        got.append(upstream.took())
    return WireResult(exchange.title, difference(*got), difference(*answers))


def _ask(request: bytes, port: int) -> RawMessage:
    with socket.create_connection(("127.0.0.1", port), _PATIENCE) as connection:
        connection.sendall(request.replace(b"{host}", b"127.0.0.1:%d" % port))
        try:
            return read_message(Incoming(lambda: connection.recv(65536)), bodiless=request.startswith(b"HEAD "))
        except OSError as error:
            return RawMessage(f"no answer: {error}".encode(), whole=False)


class _Upstream:
    """Answers one exchange at a time, as set by `expect`, and stores what it received."""

    def __init__(self, exchanges: Sequence[WireExchange]) -> None:
        self._exchanges, self._expected = exchanges, 0
        self._got: RawMessage | None = None
        self._there = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def expect(self, number: int) -> None:
        """Answer the next request as in an exchange."""
        self._expected, self._got = number, None
        self._there.clear()

    def took(self) -> RawMessage:
        """Return the request that was received; waits, in case the proxy answered by itself."""
        self._there.wait(1.0)
        return self._got or RawMessage(b"no request", whole=False)

    def close(self) -> None:
        """Close the listening socket."""
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(_PATIENCE)
            incoming = Incoming(lambda: connection.recv(65536))
            try:
                while self._answer_one(connection, incoming):
                    pass
            except OSError:
                return  # the client has left

    def _answer_one(self, connection: socket.socket, incoming: Incoming) -> bool:
        """Answer a request, and tell whether the connection stays open for another."""
        got = read_message(incoming)
        if not got.first:
            return False
        exchange = self._exchanges[self._expected]
        self._got = got
        self._there.set()
        for piece in exchange.answer:
            connection.sendall(piece)
            time.sleep(0.002)  # so that each piece is sent separately
        return not exchange.closes


def _head(first: str, *lines: str) -> bytes:
    return "\r\n".join([first, *lines, "", ""]).encode("latin-1")


def _post(path: str, body: bytes, *lines: str) -> bytes:
    return _head(f"POST {path} HTTP/1.1", "Host: {host}", *lines, f"Content-Length: {len(body)}") + body


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_BODY = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "h\u00e9llo"}]}).encode()


def built_in() -> Iterator[WireExchange]:
    """Yield exchanges of the kinds made by agents, including unusual ones."""
    yield from _model_calls()
    yield from _odd_bodies()
    yield from _without_bodies()


def _model_calls() -> Iterator[WireExchange]:
    events = [
        b"event: ping\ndata: {}\n\n",
        'data: {"text": "\u2713 h'.encode(),
        '\u00e9"}\n\n'.encode(),
        b": x\r\n\r\n",
    ]
    stream = _head(
        "HTTP/1.1 200 OK", "content-type: text/event-stream", "Request-Id: r", "transfer-encoding: chunked"
    )
    fields = ("content-type: application/json", "x-api-key: none", "X-Odd:  two  blanks ", "anthropic-beta: a,b")
    answer = (
        _head("HTTP/1.1 200 OK", "Content-Type: application/json", "Content-Length: 2", "X-A: 1", "x-a: 2") + b"{}"
    )
    yield WireExchange(
        "a stream", _post("/v1/messages?beta=true", _BODY, *fields), [stream, *map(_chunk, events), b"0\r\n\r\n"]
    )
    yield WireExchange(
        "a stream that is cut off", _post("/v1/messages", _BODY, *fields), [stream, _chunk(events[0])], True
    )
    yield WireExchange("a whole answer", _post("/v1/messages", _BODY, *fields), [answer])
    yield WireExchange(
        "an overload with its headers",
        _post("/v1/messages", _BODY),
        [_head("HTTP/1.1 529 Overloaded", "retry-after: 3", "x-should-retry: true", "content-length: 5") + b"busy\n"],
    )


def _odd_bodies() -> Iterator[WireExchange]:
    answer = _head("HTTP/1.1 200 OK", "Content-Type: application/json", "Content-Length: 2") + b"{}"
    yield WireExchange(
        "a request in chunks",
        _head("POST /v1/x HTTP/1.1", "Host: {host}", "Transfer-Encoding: chunked") + _chunk(_BODY) + b"0\r\n\r\n",
        [answer],
    )
    packed = gzip.compress(_BODY, mtime=0)
    yield WireExchange(
        "compressed both ways",
        _post("/v1/x", packed, "Content-Encoding: gzip", "Accept-Encoding: gzip"),
        [_head("HTTP/1.1 200 OK", "Content-Encoding: gzip", f"Content-Length: {len(packed)}") + packed],
    )
    yield WireExchange("bytes that are not text", _post("/v1/x", bytes(range(256)) * 300), [answer])
    yield WireExchange(
        "a megabyte",
        _post("/v1/x", b"x" * (1 << 20)),
        [_head("HTTP/1.1 200 OK", f"Content-Length: {1 << 20}"), b"y" * (1 << 20)],
    )


def _without_bodies() -> Iterator[WireExchange]:
    answer = _head("HTTP/1.1 200 OK", "Content-Length: 2", "X-A: 1", "x-a: 2") + b"{}"
    yield WireExchange(
        "a path with every spelling", _head("GET /a%2Fb//c/%7e?q=%20+&x=[1] HTTP/1.1", "Host: {host}"), [answer]
    )
    yield WireExchange(
        "HEAD", _head("HEAD / HTTP/1.1", "Host: {host}"), [_head("HTTP/1.1 200 OK", "Content-Length: 9")]
    )
    yield WireExchange(
        "no content", _head("DELETE /v1/x HTTP/1.1", "Host: {host}"), [_head("HTTP/1.1 204 No Content", "a: b")]
    )
    yield WireExchange(
        "a redirect that is not followed",
        _head("GET /old HTTP/1.1", "Host: {host}"),
        [
            _head(
                "HTTP/1.1 307 Temporary Redirect",
                "Location: http://127.0.0.1:1/",
                "Content-Length: 0",
                "Set-Cookie: a=b",
            )
        ],
    )
    yield WireExchange(
        "an answer up to the end",
        _head("GET /v1/x HTTP/1.1", "Host: {host}"),
        [_head("HTTP/1.1 200 OK"), b"to the ", b"end"],
        True,
    )
