"""Tests for `ccsproxy.proxy.server.access.guard`: whose requests are relayed."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.proxy.refusal import Refusal
from ccsproxy.proxy.server.access.guard import PortGuard
from ccsproxy.proxy.server.limits import Limits
from ccsproxy.proxy.server.parsing.request_head import parse_head


def answer(guard: PortGuard, host: str, fields: bytes = b"") -> int:
    """Return the status of a refusal, 0 when there is none."""
    head = parse_head(b"GET / HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (host.encode(), fields), Limits())
    try:
        guard.check(head)
    except Refusal as refusal:
        return refusal.status
    return 0


class GuardTests(SynchronousTestCase):
    """Host, Origin and fetch metadata."""

    def check(self, guard: PortGuard, hosts: dict[str, int]) -> None:
        for _ in range(2):
            self.assertEqual({host: answer(guard, host) for host in hosts}, hosts)

    def test_loopback_names_and_the_listening_address_are_ours(self) -> None:
        """At any port, since ports are forwarded; asked twice, because good answers are remembered."""
        self.check(
            PortGuard((), None, "10.1.2.3", 8787),
            {
                "localhost": 0,
                "LOCALHOST:8787": 0,
                "127.0.0.1:8787": 0,
                "[::1]:8787": 0,
                "10.1.2.3:8787": 0,
                "10.1.2.3:80": 0,
                "localhost:9999": 0,
                "localhost.": 0,
                "x.localhost:1": 0,
                "127.0.0.2:9999": 0,
                "[::1]:9999": 0,
                "[0:0:0:0:0:0:0:1]": 0,
                "[::ffff:127.0.0.1]": 0,
                "0.0.0.0:8787": 421,
                "localhost.evil.example:8787": 421,
                "notlocalhost": 421,
                "127.0.0.1.evil.example": 421,
                "[::2]": 421,
                "10.1.2.4:8787": 421,
                "evil.example:8787": 421,
            },
        )

    def test_allowed_names_are_ours(self) -> None:
        """A name at every port, a name with a port at that one."""
        self.check(
            PortGuard(("Proxy.Example", "other.example:444"), None, "127.0.0.1", 8787),
            {
                "proxy.example": 0,
                "proxy.example:1": 0,
                "other.example:444": 0,
                "other.example": 421,
                "a.proxy.example": 421,
            },
        )

    def test_a_unix_socket_has_no_port(self) -> None:
        """Loopback names are ours at every port."""
        self.check(PortGuard((), None, "", None), {"localhost:1": 0, "evil.example": 421})

    def test_one_origin_may_be_allowed(self) -> None:
        """That one exactly, and our own; everything that is no web page passes."""
        guard = PortGuard((), "https://app.example", "127.0.0.1", 8787)
        for origin, status in {
            "https://app.example": 0,
            "http://localhost:8787": 0,
            "null": 0,
            "vscode-file://vscode-app": 0,
            "http://app.example": 403,
            "https://app.example:444": 403,
            "https://app.example.evil.example": 403,
            "http://localhost": 403,
            "http://": 403,
        }.items():
            self.assertEqual(answer(guard, "localhost", b"Origin: %b\r\n" % origin.encode()), status, origin)

    def test_what_is_remembered_is_bounded(self) -> None:
        """A client cannot fill the memory with spellings of our name."""
        guard = PortGuard(("x",), None, "127.0.0.1", 8787)
        for port in range(1, 500):
            answer(guard, f"x:{port}")
        self.assertEqual(len(guard._known), 64)
