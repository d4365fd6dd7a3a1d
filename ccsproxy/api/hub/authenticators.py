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
        """Return the user who sends a request; None if unknown."""

    def own(self, request: Request) -> IResource | None:
        """Return the resource that answers a request for logging in or out; None for all others."""

    def unknown(self, request: Request) -> IResource | None:
        """Return the resource that answers an unknown user; None for a plain refusal."""


class HeaderAuthenticator:
    """Trusts the header in which a reverse proxy names the user.

    :param trusted: networks, besides this machine, from which the header is accepted.
    """

    def __init__(self, header: str, trusted: Sequence[Network] = ()) -> None:
        self._header, self._trusted = header.encode(), trusted

    def visitor(self, request: Request) -> Visitor | None:
        """Return the user named in the header; requests from elsewhere could contain any name, and are anonymous."""
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
