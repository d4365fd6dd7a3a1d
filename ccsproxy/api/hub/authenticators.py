"""How the hub identifies the user behind a request."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Protocol

from twisted.web.resource import IResource
from twisted.web.server import Request

from ccsproxy.api.guard import is_loopback
from ccsproxy.api.hub.access import Network, Visitor, person_in


class Authenticator(Protocol):
    """Identifies the user behind a request to a hub."""

    def visitor(self, request: Request) -> Visitor | None:
        """Return who asks, None when that is not known."""

    def own(self, request: Request) -> IResource | None:
        """Return what answers a request that is about getting in, None for all others."""

    def unknown(self, request: Request) -> IResource | None:
        """Return what answers somebody who is not known, None where that is a plain refusal."""


class HeaderAuthenticator:
    """Believes the header in which a reverse proxy says who asks.

    :param trusted: networks beside this machine from which the header counts.
    """

    def __init__(self, header: str, trusted: Sequence[Network] = ()) -> None:
        self._header, self._trusted = header.encode(), trusted

    def visitor(self, request: Request) -> Visitor | None:
        """Return who asks; from elsewhere than the proxy anybody may write what they like."""
        if not self._is_proxy(getattr(request.getClientAddress(), "host", "127.0.0.1")):
            return None
        person = person_in(request.requestHeaders.getRawHeaders(self._header))
        return None if person is None else Visitor(person)

    def own(self, request: Request) -> IResource | None:
        """Return nothing: the proxy lets people in."""

    def unknown(self, request: Request) -> IResource | None:
        """Return nothing: they are refused."""

    def _is_proxy(self, host: str) -> bool:
        return is_loopback(host) or any(ip_address(host) in network for network in self._trusted)
