"""Shipping from a whole service: to a sink of our own, while it is well, down, slow, and killed."""

import gzip
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.web.resource import Resource
from twisted.web.server import Site

from ccsproxy.config.shipping import ship_address
from ccsproxy.ship.jsonl.signature import HEADER, verifies
from ccsproxy.ship.jsonl.target import TOKEN
from ccsproxy.store.control import ControlRequest, ask
from test.integration.harness import OK, ProxiedTestCase, answering

REQUEST = b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
SECRET = "synthetic"


class Sink(Resource):
    """Takes batches as a receiver has to: each token once.

    :ivar status: what it answers.
    :ivar taken: the lines of each token.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.status = 200
        self.taken: dict[str, list[dict[str, Any]]] = {}
        self.requests = 0

    def render_POST(self, request: Any) -> bytes:
        body = request.content.read()
        self.requests += 1
        request.setResponseCode(self.status)
        signature = request.getHeader(HEADER)
        if signature is None or not verifies(SECRET, signature, body, time.time()):
            request.setResponseCode(403)
        elif self.status == 200:
            lines = gzip.decompress(body).splitlines()
            self.taken.setdefault(request.getHeader(TOKEN), [json.loads(line) for line in lines])
        return b""

    @property
    def ids(self) -> list[str]:
        return [line["id"] for lines in self.taken.values() for line in lines if "id" in line]


class ShipTests(ProxiedTestCase):
    """JSON lines over HTTP."""

    async def begin(self, **settings: Any) -> Sink:
        """Start a service that ships to a sink."""
        sink = Sink()
        url = f"jsonl+http://127.0.0.1:{self.listen(Site(sink))}/in"
        data_dir = Path(self.mktemp())
        data_dir.mkdir(mode=0o700)
        credentials = data_dir / "ship-credentials.toml"
        credentials.write_text(f'["{url}"]\nsecret = "{SECRET}"\n')
        credentials.chmod(0o600)
        await self.start_scripted(answering(OK), data_dir=data_dir, ship=(ship_address(url),), **settings)
        return sink

    def state(self) -> dict[str, Any]:
        """Return how the target stands."""
        assert self.running is not None
        found: dict[str, Any] = self.running.health()["ship"]["targets"][0]
        return found

    async def test_everything_once_in_order(self) -> None:
        """While the sink is well, then down, then well again; health says all of it."""
        sink = await self.begin()
        for _ in range(3):
            await self.ask(REQUEST)
        await self.until(lambda: len(sink.ids) == 3, "three records")
        sink.status = 503
        for _ in range(3):
            await self.ask(REQUEST)
        await self.until(lambda: self.state()["state"] == "waiting", "trouble")
        self.assertIn("503", self.state()["trouble"])
        sink.status = 200
        await self.until(lambda: len(sink.ids) == 6, "the others")
        self.assertEqual(sink.ids, [each["id"] for each in await self.records(6)])
        await self.until(lambda: self.state()["state"] == "ok" and self.state()["sent"] == 6, "calm")
        self.assertEqual((self.state()["refused"], self.state()["missed"], self.state()["lag_bytes"]), (0, 0, 0))
        run = (self.data_dir / "run.json").read_text()
        self.assertNotIn(SECRET, run)

    async def test_killed(self) -> None:
        """The process that ships is started again and goes on."""
        sink = await self.begin()
        await self.ask(REQUEST)
        await self.until(lambda: len(sink.ids) == 1, "the first record")
        os.kill(self.child(), signal.SIGKILL)
        await self.ask(REQUEST)
        await self.until(lambda: len(sink.ids) == 2, "the second")
        self.assertEqual(sink.ids, [each["id"] for each in await self.records(2)])
        self.flushLoggedErrors()

    async def test_what_is_left_at_the_end(self) -> None:
        """Is shipped before the service has ended."""
        sink = await self.begin()
        await self.ask(REQUEST)
        await self.until(lambda: len(sink.ids) == 1, "the first record")
        for _ in range(5):
            await self.ask(REQUEST)
        assert self.running is not None
        await self.running.shutdown()
        self.assertEqual(len(sink.ids), 6)

    async def test_removed_here_and_there(self) -> None:
        """``rm`` waits until the target was told, and tells it by a line of its own."""
        sink = await self.begin()
        await self.ask(REQUEST)
        await self.until(lambda: len(sink.ids) == 1, "the record")
        session = next(line["session_id"] for lines in sink.taken.values() for line in lines)
        reply = await deferToThread(ask, self.data_dir, ControlRequest("forget", [session]))
        self.assertEqual((reply.counts, reply.trouble), ([1], ""))
        told = [line for lines in sink.taken.values() for line in lines if line.get("event") == "deleted"]
        self.assertEqual([line["session_id"] for line in told], [session])

    def child(self) -> int:
        """Return the id of the process that ships."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                line = (folder / "cmdline").read_bytes()
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if b"ccsproxy.ship.process" in line and parent == str(os.getpid()):
                return int(folder.name)
        raise AssertionError("nobody ships")
