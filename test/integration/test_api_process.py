"""The API server as a real process: started, asked, killed, stopped."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from treq.client import HTTPClient
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, HTTPConnectionPool

from ccsproxy.api.service import ApiService, RunFacts
from ccsproxy.config.model import Config, Upstream
from ccsproxy.runtime.bus import Bus


class ApiProcessTests(TestCase):
    """A service with its child."""

    timeout = 30

    def setUp(self) -> None:
        self.bus = Bus()
        self.data_dir = Path(self.mktemp())
        self.data_dir.mkdir()
        config = Config(
            (Upstream("anthropic", "https", "api.anthropic.com", 443),), api_port=0, data_dir=self.data_dir
        )
        self.service = ApiService(
            reactor, config, self.bus, RunFacts("run", time.time()), lambda: {"accepted": 7, "store": "ok"}
        )
        self.service.startService()
        self.addCleanup(self.stop)
        pool = HTTPConnectionPool(reactor, persistent=False)
        self.addCleanup(pool.closeCachedConnections)
        self.client = HTTPClient(Agent(reactor, pool=pool, connectTimeout=10))
        self.url = self.service.urls[0]

    def stop(self) -> Deferred[None] | None:
        return self.service.stopService() if self.service.running else None

    async def get(self, path: str, **keywords: Any) -> Any:
        response = await self.client.get(self.url + path, **keywords)
        self.assertEqual(response.code, 200)
        return await response.json()

    async def test_life(self) -> None:
        """It answers, follows events, is started again when it is killed, and is gone after the stop."""
        health = await self.get("/api/health")
        self.assertEqual((health["status"], health["session_id"], health["pid"]), ("ok", "run", os.getpid()))
        self.assertEqual(await self.get("/api/sessions"), [])
        self.assertEqual((await self.get("/api/requests?q=x"))["requests"], [])
        await self.get("/api/stats")
        await self.get("/api/meta")
        refused = await self.client.get(self.url + "/api/health", headers={"Host": "evil.example"})
        self.assertEqual(refused.code, 421)

        first = self.service.child_pid
        assert first is not None
        os.kill(first, signal.SIGTERM)
        await self.get("/api/health")
        self.assertEqual(self.service.child_pid, first)
        os.kill(first, signal.SIGKILL)
        health = await self.get("/api/health")
        self.assertEqual(health["accepted"], 7)
        second = self.service.child_pid
        self.assertNotEqual(second, first)

        await self.service.stopService()
        self.assertRaises(ProcessLookupError, os.kill, second, 0)

    async def test_live_events(self) -> None:
        """An event that is published on the bus reaches a watcher; stopping ends the stream."""
        response = await self.client.get(self.url + "/api/stream", unbuffered=True)
        pieces: list[bytes] = []
        ended = response.collect(pieces.append)
        self.bus.publish({"type": "request_started", "seq": 1})
        while b"event: request_started\n" not in b"".join(pieces):
            await deferLater(reactor, 0.01)
        await self.service.stopService()
        await ended
