"""Who may use the proxy port, and where a request goes."""

import json
import socket
from pathlib import Path

from twisted.internet import reactor

from ccsproxy.config.model import Config
from ccsproxy.errors import ConfigError
from ccsproxy.service import serve
from test.integration.harness import OK, ProxiedTestCase, ScriptedUpstream, answering, at_port

PAGE = b"Origin: https://evil.example\r\n"
LOCAL = b"Host: localhost\r\n"


class AdmissionTests(ProxiedTestCase):
    """Nothing of a refused request reaches an upstream, and each leaves a record."""

    async def test_refusals(self) -> None:
        """Foreign names, web pages, upgrades, tunnels and what is not HTTP."""
        upstream = await self.start_scripted(answering(OK), forward=False, websocket=False)
        refused = [
            (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
            (b"GET / HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", 421),
            (b"GET http://evil.example/ HTTP/1.1\r\n" + LOCAL + b"\r\n", 421),
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n" + LOCAL + PAGE + b"\r\n", 403),
            (b"POST / HTTP/1.1\r\n" + LOCAL + b"Sec-Fetch-Site: cross-site\r\nContent-Length: 2\r\n\r\n{}", 403),
            (b"GET / HTTP/1.1\r\n" + LOCAL + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 426),
            (b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n", 405),
            (b"TRACE / HTTP/1.1\r\n" + LOCAL + b"\r\n", 405),
            (
                b"POST / HTTP/1.1\r\n" + LOCAL + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                400,
            ),
            (b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\n" + LOCAL + b"\r\n", 414),
            (b"GET / HTTP/1.1\r\n" + LOCAL + b"X: y\r\n" * 300 + b"\r\n", 431),
            (b"GET / HTTP/2.0\r\n" + LOCAL + b"\r\n", 505),
            (b"POST / HTTP/1.1\r\n" + LOCAL + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        ]
        for request, status in refused:
            client = await self.connect()
            client.send(request)
            answer = await client.message()
            self.assertEqual(answer.status, status, request[:80])
            self.assertEqual(set(json.loads(answer.body)["error"]), {"type", "message"})
            await client.end()
        self.assertEqual(upstream.peers, [])
        outcomes = [record["outcome"] for record in await self.records(len(refused))]
        self.assertEqual(outcomes, ["refused"] * len(refused))

    async def test_admitted(self) -> None:
        """Our own names with and without the port, pages of our own origin, and ``--allow-host``."""
        await self.start_scripted(answering(OK), allow_hosts=("proxy.internal",), cors_allow="https://tool.example")
        port = self.proxy_port
        for fields in (
            LOCAL,
            b"Host: LocalHost:%d\r\n" % port,
            b"Host: 127.0.0.1:%d\r\n" % port,
            b"Host: [::1]:%d\r\n" % port,
            b"Host: proxy.internal\r\n",
            LOCAL + b"Origin: https://tool.example\r\n",
            LOCAL + b"Origin: http://localhost:%d\r\n" % port,
            LOCAL + b"Sec-Fetch-Site: same-origin\r\n",
        ):
            self.assertEqual((await self.ask(b"GET / HTTP/1.1\r\n" + fields + b"\r\n")).status, 200, fields)

    async def test_several_upstreams_and_a_listener_of_its_own(self) -> None:
        """The first segment picks the upstream; a listener of its own makes one the default."""
        first, second = ScriptedUpstream(answering(OK)), ScriptedUpstream(answering(OK))
        own = "tcp:0:interface=127.0.0.1"
        await self.start(
            at_port(self.listen(first), "one", base_path="/base"), at_port(self.listen(second), "two", listen=(own,))
        )
        for upstream in (first, second):
            self.addCleanup(self.close_peers, upstream)
        assert self.running is not None
        for path in (b"/a", b"/two/b?x", b"/two", b"/one/c", b"/twofold"):
            await self.ask(b"GET %b HTTP/1.1\r\n%b\r\n" % (path, LOCAL))
        client = await self.connect(int(self.running.proxy_urls[1].rpartition(":")[2]))
        client.send(b"GET /d HTTP/1.1\r\n" + LOCAL + b"\r\n")
        await client.message()
        targets = [[r.line.split(b" ")[1] for r in upstream.requests] for upstream in (first, second)]
        self.assertEqual(targets, [[b"/base/a", b"/base/c", b"/base/twofold"], [b"/b?x", b"/", b"/d"]])
        names = [record["upstream"] for record in await self.records(6)]
        self.assertEqual(names, ["one", "two", "two", "one", "one", "two"])

    async def test_an_upstream_that_is_the_proxy_itself(self) -> None:
        """It is refused at the start."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        config = Config(upstreams=(at_port(port),), proxy_port=port, no_api=True, data_dir=Path(self.mktemp()))
        await self.assertFailure(serve(config, reactor), ConfigError)
