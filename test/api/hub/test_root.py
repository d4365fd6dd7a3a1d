"""Whose word counts on who asks."""

from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from ccsproxy.api.hub.access import Role, Roles, networks
from ccsproxy.api.hub.authenticators import HeaderAuthenticator
from ccsproxy.api.hub.root import HubRoot
from ccsproxy.errors import ConfigError


class Scene:
    """The server of a role, which says whose it is."""

    def __init__(self, role: Role) -> None:
        self.role = role

    def getChild(self, path: bytes, request: Any) -> Any:
        """Return who sees what."""
        return self.role

    def refusal(self, request: Any, refused: Any) -> Any:
        """Return why nobody does."""
        return refused.kind


def request(host: str, *persons: bytes) -> Any:
    """Make a request from an address, with a header or more."""
    headers = Headers({b"X-Person": list(persons)})
    return SimpleNamespace(
        getClientAddress=lambda: SimpleNamespace(host=host), requestHeaders=headers, method=b"GET", uri=b"/"
    )


class HeaderTests(SynchronousTestCase):
    """The header of a reverse proxy."""

    def asked(self, host: str, *persons: bytes) -> Any:
        """Ask from an address."""
        authenticator = HeaderAuthenticator("X-Person", networks(["10.0.0.0/24", "fd00::1"]))
        root = HubRoot(Scene, Roles(), authenticator)  # type: ignore[arg-type]
        return root.getChild(b"", request(host, *persons))

    def test_from_where(self) -> None:
        """This machine and the named networks are believed; whoever goes past the proxy is nobody."""
        for host in ("127.0.0.1", "::1", "10.0.0.7", "fd00::1"):
            self.assertEqual(self.asked(host, b"ann"), Role("own", "ann"), host)
        for host in ("10.0.1.7", "fd00::2", "192.0.2.1", "::ffff:192.0.2.1"):
            self.assertEqual(self.asked(host, b"ann"), "forbidden", host)

    def test_two_persons(self) -> None:
        """Where the proxy leaves what the caller has sent, nobody is believed."""
        self.assertEqual(self.asked("127.0.0.1", b"ann", b"lead"), "forbidden")
        self.assertEqual(self.asked("127.0.0.1"), "forbidden")

    def test_networks(self) -> None:
        """What is no address is refused with a sentence."""
        self.assertRaises(ConfigError, networks, ["proxy.example.com"])
        self.assertRaises(ConfigError, networks, ["10.0.0.1/24"])
