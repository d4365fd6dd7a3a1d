"""The client and the pool by their inherited contracts: treq's calls, stock treq and stock `Agent` over them."""

import json
from io import BytesIO
from typing import Any

import treq
from treq.client import HTTPClient
from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, FileBodyProducer
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from zope.interface.verify import verifyObject

from ccsproxy.config.values import upstream
from ccsproxy.proxy.deadlines import BatchedTimers
from ccsproxy.proxy.errors import UpstreamUnreachable
from ccsproxy.proxy.upstream.endpoints.make_client import client_for
from ccsproxy.proxy.upstream.endpoints.tls_policy import FailClosedPolicy, Trust
from ccsproxy.proxy.upstream.link import Timeouts
from ccsproxy.proxy.upstream.pool import RelayPool


class Echo(Resource):
    """Says what it was asked."""

    isLeaf = True

    def render(self, request: Request) -> bytes:
        self.peers.add(request.getClientAddress().port)
        if request.path.endswith(b"/elsewhere"):
            request.redirect(b"http://other.example/")
            return b""
        request.setHeader(b"content-type", b"application/json")
        said = {
            "method": request.method.decode(),
            "uri": request.uri.decode(),
            "host": request.getHeader("host"),
            "x": request.getHeader("x-test"),
            "type": request.getHeader("content-type"),
            "length": request.getHeader("content-length"),
            "coding": request.getHeader("transfer-encoding"),
            "body": request.content.read().decode(),
        }
        return json.dumps(said).encode()


class ClientCase(TestCase):
    """An upstream, and what is to be asked over our pool."""

    def setUp(self) -> None:
        self.echo = Echo()
        self.echo.peers = set()
        self.port = reactor.listenTCP(0, Site(self.echo), interface="127.0.0.1")
        self.number = self.port.getHost().port
        self.url = f"http://127.0.0.1:{self.number}"
        self.pools: list[RelayPool] = []
        self.addCleanup(self.settle)

    async def settle(self) -> None:
        """Close everything, and let both sides see it."""
        for pool in self.pools:
            await pool.closeCachedConnections()
        await maybeDeferred(self.port.stopListening)
        for _ in range(3):
            waiting: Deferred[None] = Deferred()
            reactor.callLater(0.01, waiting.callback, None)
            await waiting


class TreqCallTests(ClientCase):
    """treq's own calls on the client of an upstream."""

    def setUp(self) -> None:
        super().setUp()
        one = upstream(f"{self.url}/base")
        self.client, pool = client_for(one, reactor, BatchedTimers(reactor), Timeouts(), FailClosedPolicy(Trust()))
        self.pools.append(pool)

    async def said(self, waiting: Deferred) -> dict[str, Any]:
        return await (await waiting).json()

    async def test_get(self) -> None:
        """By text, by bytes, by a path below the base path; with parameters and headers."""
        for url in (f"{self.url}/base/v1", f"{self.url}/base/v1".encode(), "/v1", b"/v1"):
            said = await self.said(self.client.get(url, params={"a": "1"}, headers={"X-Test": "y"}))
            self.assertEqual((said["method"], said["uri"], said["x"]), ("GET", "/base/v1?a=1", "y"))
            self.assertEqual(said["host"], f"127.0.0.1:{self.number}")

    async def test_bodies(self) -> None:
        """JSON, bytes, forms and producers, each with the framing that it needs."""
        said = await self.said(self.client.post("/v1", json={"a": [1]}))
        self.assertEqual(
            (said["body"], said["type"], said["length"]), ('{"a":[1]}', "application/json; charset=UTF-8", "9")
        )
        said = await self.said(self.client.put("/v1", data=b"raw"))
        self.assertEqual((said["method"], said["body"], said["length"]), ("PUT", "raw", "3"))
        said = await self.said(self.client.request("PATCH", "/v1", data={"k": "v"}))
        self.assertEqual((said["body"], said["type"]), ("k=v", "application/x-www-form-urlencoded"))
        said = await self.said(self.client.post("/v1"))
        self.assertEqual((said["body"], said["length"], said["coding"]), ("", "0", None))

    async def test_the_connection_is_kept(self) -> None:
        """Calls of treq's and the relay's own go over the same connection."""
        await self.said(self.client.get("/v1"))
        response = await self.client.send(b"GET", b"/base/v1", b"Host: x\r\n")
        await treq.content(response)
        await self.said(self.client.delete("/v1"))
        self.assertEqual(len(self.echo.peers), 1)

    async def test_another_host_is_refused(self) -> None:
        """A client of one upstream asks no other, not even where a redirect leads there."""
        for url in (
            "http://other.example/",
            f"http://127.0.0.1:{self.number + 1}/",
            f"https://127.0.0.1:{self.number}/",
        ):
            await self.assertFailure(self.client.get(url), ValueError)
        self.assertEqual(self.echo.peers, set())
        await self.assertFailure(self.client.get("/elsewhere"), ValueError)

    async def test_responses(self) -> None:
        """They are what treq's readers expect."""
        response = await self.client.get("/v1")
        self.assertTrue(verifyObject(IResponse, response.original.original))
        self.assertEqual((response.code, response.version, response.request.method), (200, (b"HTTP", 1, 1), b"GET"))
        self.assertIn(b"application/json", response.headers.getRawHeaders(b"content-type")[0])
        self.assertEqual(json.loads(await response.text())["method"], "GET")

    async def test_failures_are_ours(self) -> None:
        """Nobody there: the typed error, whoever asked."""
        await self.port.stopListening()
        await self.assertFailure(self.client.get("/v1"), UpstreamUnreachable)


class StockTests(ClientCase):
    """Twisted's own `Agent`, and treq's own client, over `RelayPool`."""

    def setUp(self) -> None:
        super().setUp()
        self.pool = RelayPool(reactor, BatchedTimers(reactor))
        self.pools.append(self.pool)
        self.agent = Agent(reactor, pool=self.pool)

    async def test_agent(self) -> None:
        """It sends its requests, gets its responses, and its connections are kept by host."""
        for _ in range(3):
            body = FileBodyProducer(BytesIO(b"hello"))
            response = await self.agent.request(b"POST", f"{self.url}/a?b".encode(), Headers({"X-Test": ["z"]}), body)
            said = json.loads(await treq.content(response))
            self.assertEqual((said["uri"], said["body"], said["x"], said["length"]), ("/a?b", "hello", "z", "5"))
        self.assertEqual(len(self.echo.peers), 1)
        self.assertEqual(self.pool.idle_count, 0)

    async def test_hosts_do_not_mix(self) -> None:
        """A connection to one host is never used for another."""
        for host in ("127.0.0.1", "localhost", "127.0.0.1"):
            response = await self.agent.request(b"GET", f"http://{host}:{self.number}/".encode())
            self.assertEqual(json.loads(await treq.content(response))["host"], f"{host}:{self.number}")
        self.assertEqual(len(self.echo.peers), 2)

    async def test_treq(self) -> None:
        """treq's client works over it, redirects and all."""
        client = HTTPClient(self.agent)
        said = await (await client.post(self.url + "/x", json={"a": 1})).json()
        self.assertEqual((said["method"], said["body"]), ("POST", '{"a":1}'))

    async def test_not_persistent(self) -> None:
        """A pool that keeps nothing says so, and keeps nothing."""
        pool = RelayPool(reactor, BatchedTimers(reactor), persistent=False)
        self.pools.append(pool)
        agent = Agent(reactor, pool=pool)
        for _ in range(2):
            await treq.content(await agent.request(b"GET", self.url.encode()))
        self.assertEqual(len(self.echo.peers), 2)
