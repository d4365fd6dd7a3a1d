"""Several relay processes behind one port: relayed, recorded and stopped as by one."""

import json
import os
import signal
from collections import defaultdict
from pathlib import Path

import treq
from treq.client import HTTPClient
from twisted.internet import defer, reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.client import Agent
from twisted.web.server import Site

from ccsproxy.config.build import build_config
from ccsproxy.config.model import Config, Upstream
from ccsproxy.demo.upstream import MockUpstream
from ccsproxy.service import CcsproxyService
from ccsproxy.store.segments.lines import SegmentLines
from ccsproxy.workers.supervisor import read_config, write_config

BODY = {"model": "claude-sonnet-5", "stream": True, "messages": [{"role": "user", "content": "hi"}]}


class ConfigTests(SynchronousTestCase):
    """A configuration crosses the link whole."""

    def test_round_trip(self) -> None:
        """Paths, upstreams and defaults come back as they were."""
        config = build_config(
            {"upstream": ["https://api.anthropic.com", "a=http://127.0.0.1:1/x"], "data-dir": ["/x"]}
        )
        self.assertEqual(read_config(write_config(config)), config)


class WorkersTests(TestCase):
    """Two workers on one port."""

    timeout = 60

    async def _start(self) -> None:
        self.mock = reactor.listenTCP(0, Site(MockUpstream(reactor, pace=0.02, think=0.1)), interface="127.0.0.1")
        self.addCleanup(self.mock.stopListening)
        upstream = Upstream("mock", "http", "127.0.0.1", self.mock.getHost().port, provider="anthropic")
        self.dir = Path(self.mktemp()).absolute()
        config = Config(upstreams=(upstream,), proxy_port=0, no_api=True, data_dir=self.dir, workers=2)
        self.service = CcsproxyService(config, reactor, signals=False)
        self.service.bind()
        self.running = await self.service.begin()
        self.addCleanup(self.service.shutdown)
        self.client = HTTPClient(Agent(reactor))

    async def _call(self) -> bytes:
        response = await self.client.post(self.running.proxy_urls[0] + "/v1/messages", json=BODY)
        return await treq.content(response)

    def _records(self) -> list[dict]:
        lines = SegmentLines(self.dir)
        found = [json.loads(line.data) for name in lines.names() for line in lines.scan(name)]
        return [record for record in found if "event" not in record]

    async def _until(self, condition: object) -> None:
        for _ in range(500):
            if condition():
                return
            await deferLater(reactor, 0.02, lambda: None)
        self.fail("waited in vain")

    async def test_calls_are_relayed_recorded_and_drained(self) -> None:
        """Calls through both workers, a stop while one streams: all whole, one record each."""
        await self._start()
        bodies = await defer.gatherResults([defer.ensureDeferred(self._call()) for _ in range(8)])
        self.assertEqual(len(set(bodies)), 1)
        self.assertIn(b"message_stop", bodies[0])
        await self._until(lambda: self.service.health()["in_flight"] == 0)
        late = defer.ensureDeferred(self._call())
        await self._until(lambda: self.service.health()["in_flight"] == 1)
        await self.service.shutdown()
        self.assertEqual(await late, bodies[0])
        records = self._records()
        self.assertEqual([r["outcome"] for r in records], ["complete"] * 9)
        numbers = defaultdict(list)
        for record in records:
            numbers[record["session_id"]].append(record["seq"])
        for found in numbers.values():
            self.assertEqual(sorted(found), list(range(1, len(found) + 1)))
        self.assertTrue(all(r["timing"]["first_byte"] >= 90 for r in records))

    async def test_a_worker_that_dies_leaves_records(self) -> None:
        """Its exchanges end as unclean, it is started again, and calls go on."""
        await self._start()
        await self._call()
        await self._until(lambda: self.service.health()["in_flight"] == 0)
        call = defer.ensureDeferred(self._call())
        await self._until(lambda: self.service.health()["in_flight"] == 1)
        busy = next(each for each in self.service._workers._workers if each.in_flight)
        os.kill(busy.child.pid, signal.SIGKILL)
        await self.assertFailure(call, Exception)
        self.assertIn(b"message_stop", await self._call())
        await self.service.shutdown()
        self.assertEqual(sorted(r["outcome"] for r in self._records()), ["complete", "complete", "unclean"])
