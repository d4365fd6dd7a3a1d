"""Readers of a real API server that are many, slow, or do not read at all."""

import json
import resource
import socket
import sys
import time
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from ccsproxy.api.body_producer import MOST_PATIENCE, PATIENCE
from ccsproxy.api.service import ApiService, RunFacts
from ccsproxy.config.model import Config, Upstream
from ccsproxy.exchange import codec
from ccsproxy.runtime.bus import Bus
from ccsproxy.store.segments.segment import plain_path
from test.store.records import record

#: Bytes of the body of the record that is read, and how many stop reading it.
BODY, READERS = 20 << 20, 6


class ApiReadersTests(TestCase):
    """An API server process and sockets."""

    timeout = 120
    if not sys.platform.startswith("linux"):
        skip = "memory is read from /proc"

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp())
        path = plain_path(self.data_dir, "20261120T100000000Z-00000000")
        path.parent.mkdir(parents=True)
        path.write_bytes(codec.encode(record(1, body=("0123456789abcdef" * (BODY // 16)))))
        upstream = Upstream("anthropic", "https", "api.anthropic.com", 443)
        config = Config((upstream,), api_port=0, data_dir=self.data_dir)
        self.service = ApiService(reactor, config, Bus(), RunFacts("run", time.time()), lambda: {"store": "ok"})
        self.addCleanup(self.service.stopService)

    def connect(self) -> socket.socket:
        port = int(self.service.urls[0].rpartition(":")[2])
        client = socket.socket()
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        client.settimeout(100)  # the process may get little of a busy machine; a hang ends with the test
        client.connect(("127.0.0.1", port))
        return client

    def send(self, client: socket.socket, path: str) -> None:
        port = client.getpeername()[1]
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())

    async def ask(self, client: socket.socket, path: str) -> tuple[str, bytes]:
        self.send(client, path)
        return await self.answer(client)

    async def answer(self, client: socket.socket) -> tuple[str, bytes]:
        head, _, body = (await deferToThread(read_all, client)).partition(b"\r\n\r\n")
        return head.decode(), body

    def memory(self) -> int:
        """Return the bytes of memory that only the API server has."""
        text = Path(f"/proc/{self.service.child_pid}/smaps_rollup").read_text(encoding="ascii")
        kilobytes = [int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_Dirty:")]
        return kilobytes[0] << 10

    async def test_stalled_readers_of_a_large_record(self) -> None:
        """They hold next to nothing of it, and get all of it, unchanged, when they go on."""
        self.service.startService()
        await self.ask(self.connect(), "/api/requests/s/1")
        await deferLater(reactor, 0.2)
        before = self.memory()
        readers = [self.connect() for _ in range(READERS)]
        for reader in readers:
            self.send(reader, "/api/requests/s/1")
        deadline = time.monotonic() + MOST_PATIENCE
        while self.memory() - before < BODY and time.monotonic() < deadline:
            await deferLater(reactor, 0.01)
        while self.memory() - before > BODY / 2 and time.monotonic() < deadline:
            await deferLater(reactor, PATIENCE / 4)
        self.assertLess(self.memory() - before, BODY / 2)
        head, body = await self.answer(readers[0])
        self.assertIn(" 200 ", head)
        self.assertEqual(len(json.loads(body)["request"]["body"]), BODY)

    async def test_more_readers_than_descriptors(self) -> None:
        """Those beyond the limit are told, or closed; those within it are served, and later ones again."""
        self.service.startService()
        assert self.service.child_pid is not None
        # It reads its limit when it has started, which takes a while.
        resource.prlimit(self.service.child_pid, resource.RLIMIT_NOFILE, (128, 128))
        first = [self.connect() for _ in range(32)]
        self.send(first[0], "/api/health")
        self.assertIn(" 200 ", (await self.answer(first[0]))[0])
        first[0] = self.connect()
        surplus = [self.connect() for _ in range(40)]
        await deferLater(reactor, 0.1)
        answers = [(await self.tried(client))[0].partition("\r\n")[0] for client in surplus]
        self.assertEqual(set(answers), {"HTTP/1.1 503 Service Unavailable", ""})
        self.assertGreaterEqual(answers.count("HTTP/1.1 503 Service Unavailable"), 30)
        for client in first[1:]:
            self.assertIn(" 200 ", (await self.ask(client, "/api/health"))[0])
        self.assertIn(" 200 ", (await self.ask(self.connect(), "/api/health"))[0])

    async def tried(self, client: socket.socket) -> tuple[str, bytes]:
        try:
            return await self.ask(client, "/api/health")
        except OSError:
            return "", b""


def read_all(client: socket.socket) -> bytes:
    """Read until the end."""
    pieces = []
    while piece := client.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)
