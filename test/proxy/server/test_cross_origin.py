"""Tests of `ccsproxy.proxy.server.access.cross_origin`: the one web origin that may call can do so with a browser."""

from ccsproxy.proxy.server.access.cross_origin import readable
from test.proxy.relay_rig import Client, Rig
from test.proxy.test_relay import ANSWER, RelayTestCase

ORIGIN = b"Origin: https://app.example\r\n"
CROSSING = ORIGIN + b"Sec-Fetch-Site: cross-site\r\n"


class CrossOriginTests(RelayTestCase):
    """Pages of the allowed origin, and of others."""

    def ask(self, method: bytes, lines: bytes) -> None:
        """Send a request as a browser does."""
        self.rig = Rig(origin="https://app.example")
        self.client = Client(self.rig)
        self.client.send(b"%b /v1/messages HTTP/1.1\r\nHost: localhost\r\n%b\r\n" % (method, lines))

    def test_a_call(self) -> None:
        """It is relayed as it is, and its answer may be read."""
        self.ask(b"GET", CROSSING)
        self.assertIn(CROSSING, self.rig.upstream.got)
        self.answer(ANSWER)
        self.assertEqual(self.client.status, 200)
        self.assertIn(b"\r\nAccess-Control-Allow-Origin: https://app.example\r\n", self.client.got)
        self.assertNotIn(b"Access-Control", self.rig.heard[-1].answer.lines)

    def test_what_the_upstream_says_counts(self) -> None:
        """An upstream that knows of browsers is not contradicted."""
        lines = b"X: y\r\naccess-control-allow-origin: *\r\n"
        self.assertEqual(readable(lines, b"https://app.example"), lines)

    def test_a_preflight(self) -> None:
        """It is answered and recorded, and no upstream hears of it."""
        asked = (
            b"Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-api-key,content-type\r\n"
            b"Access-Control-Request-Private-Network: true\r\n"
        )
        self.ask(b"OPTIONS", CROSSING + asked)
        self.assertEqual(self.rig.client.upstreams, [])
        self.assertEqual(self.client.status, 204)
        for line in (
            b"Access-Control-Allow-Origin: https://app.example",
            b"Access-Control-Allow-Methods: POST",
            b"Access-Control-Allow-Headers: x-api-key,content-type",
            b"Access-Control-Allow-Private-Network: true",
        ):
            self.assertEqual(self.client.got.count(b"\r\n" + line + b"\r\n"), 1, line)
        self.rig.settle()
        self.ended("complete", "")

    def test_other_pages(self) -> None:
        """Any other origin stays out, by a preflight too."""
        for method in (b"GET", b"OPTIONS"):
            self.ask(method, CROSSING.replace(b"app", b"evil") + b"Access-Control-Request-Method: POST\r\n")
            self.assertEqual(self.client.status, 403)
            self.assertNotIn(b"Access-Control", self.client.got)
            self.ask(method, b"Sec-Fetch-Site: cross-site\r\n")
            self.assertEqual(self.client.status, 403)

    def test_programs(self) -> None:
        """Programs get nothing added, whatever is allowed to pages."""
        self.ask(b"GET", b"")
        self.answer(ANSWER)
        self.assertEqual(self.client.got, ANSWER)
