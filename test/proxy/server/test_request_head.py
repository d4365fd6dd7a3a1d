"""Tests for `ccsproxy.proxy.server.parsing.request_head`: which lines of a head go on."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.proxy.server.limits import Limits
from ccsproxy.proxy.server.parsing.request_head import parse_head

FIELDS = (
    b"X-First: 1\r\nhOst: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: k\r\n"
    b"Proxy-Authorization: Basic eDp5\r\nX-Last:  2 \r\n"
)


class HandshakeTests(SynchronousTestCase):
    """The head of a request for another protocol."""

    def test_what_goes_on(self) -> None:
        """Everything as it came, in its place, but for the host and what is meant for a proxy."""
        head = parse_head(b"GET /socket HTTP/1.1\r\n" + FIELDS + b"\r\n", Limits())
        self.assertEqual(
            head.handshake(b"api.example"),
            b"X-First: 1\r\nhOst: api.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: k\r\nX-Last:  2 \r\n",
        )

    def test_an_ordinary_request(self) -> None:
        """Of it the fields of the connection stay behind."""
        head = parse_head(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Last: 2\r\n\r\n", Limits())
        self.assertEqual(head.forward(b"api.example"), b"Host: api.example\r\nX-Last: 2\r\n")
