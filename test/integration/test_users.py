"""Two users of one machine: each is served what is his own; it needs root, who alone can be two users."""

import os
import socket
import sys
from unittest import skipUnless

from twisted.internet.threads import deferToThread

from test.integration.harness import OK, ProxiedTestCase, answering

OTHER = 65534


def connected(port: int, uid: int) -> socket.socket:
    """Connect as a user: the owner of a socket is whoever makes it."""
    os.seteuid(uid)
    try:
        made = socket.socket()
    finally:
        os.seteuid(0)
    made.settimeout(30)
    made.connect(("127.0.0.1", port))
    return made


def ask(port: int, uid: int, lines: bytes) -> bytes:
    with connected(port, uid) as client:
        client.sendall(lines)
        return client.recv(65536)


@skipUnless(
    sys.platform == "linux" and os.geteuid() == 0, "only root can be two users, and only Linux tells them apart"
)
class TwoUsers(ProxiedTestCase):
    """The ports as programs of this and of another user find them."""

    async def status(self, port: int, uid: int, lines: bytes) -> int:
        said = await deferToThread(ask, port, uid, lines)
        return int(said.split(b" ", 2)[1])

    async def test_api_is_for_this_user_and_whoever_shows_the_token(self) -> None:
        await self.start_scripted(answering(OK), no_api=False, api_port=0)
        api = int(self.running.api_urls[0].rpartition(":")[2])
        token = (self.data_dir / "api-token").read_text().strip().encode()
        for path in (b"/api/requests", b"/", b"/api/stream", b"/api/health"):
            lines = b"GET %b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % (path, api)
            self.assertEqual(await self.status(api, 0, lines + b"\r\n"), 200, path)
            self.assertEqual(await self.status(api, OTHER, lines + b"\r\n"), 401, path)
            shown = lines + b"Authorization: Bearer %b\r\n\r\n" % token
            self.assertEqual(await self.status(api, OTHER, shown), 200, path)

    async def test_api_for_any_user(self) -> None:
        await self.start_scripted(answering(OK), no_api=False, api_port=0, api_users="any")
        api = int(self.running.api_urls[0].rpartition(":")[2])
        lines = b"GET /api/requests HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % api
        self.assertEqual(await self.status(api, OTHER, lines), 200)

    async def test_proxy_for_other_hosts_is_for_this_user(self) -> None:
        upstream = await self.start_scripted(answering(OK))
        where = upstream_port = self.config.upstreams[0].port
        lines = b"GET http://127.0.0.1:%d/x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (where, upstream_port)
        self.assertEqual(await self.status(self.proxy_port, OTHER, lines), 407)
        tunnel = b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % where
        self.assertEqual(await self.status(self.proxy_port, OTHER, tunnel), 407)
        self.assertEqual(upstream.requests, [])
        self.assertEqual(await self.status(self.proxy_port, 0, tunnel), 200)
        self.assertEqual(await self.status(self.proxy_port, 0, lines), 200)

    async def test_configured_upstreams_stay_open_to_all(self) -> None:
        await self.start_scripted(answering(OK))
        lines = b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"
        self.assertEqual(await self.status(self.proxy_port, OTHER, lines), 200)
