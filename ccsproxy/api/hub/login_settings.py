"""Settings of logging in to the hub by OpenID Connect; without the library that doing so needs."""

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import attr

from ccsproxy.api.guard import is_loopback

#: The path of the page where a user logs out.
LOG_OUT = "/oidc/logout"


@attr.frozen
class LoginSettings:
    """The settings of the OpenID Connect client and of its sessions.

    :ivar issuer: the provider's URL, the base of its discovery document.
    :ivar secret: the client's secret, empty for a public client.
    :ivar public_url: the URL under which people reach the hub, without a path.
    :ivar session_key: the key that signs sessions, 32 bytes or more.
    :ivar session_seconds: the lifetime of a session.
    :ivar scopes: requested in addition to ``openid``.
    :ivar person: the claim that identifies the user.
    :ivar groups: the claim that lists the user's groups.
    :ivar revocations: the file of the sessions that users have ended; None to keep them in memory.
    :ivar clock: seconds since the epoch.
    """

    issuer: str
    client_id: str
    public_url: str
    session_key: bytes = attr.field(repr=False)
    secret: str = attr.field(default="", repr=False)
    session_seconds: float = 8 * 3600.0
    scopes: tuple[str, ...] = ("email", "profile")
    person: str = "email"
    groups: str = "groups"
    revocations: Path | None = None
    clock: Callable[[], float] = time.time

    @property
    def callback(self) -> str:
        """The URL to which the provider sends people back."""
        return self.public_url + "/oidc/callback"

    @property
    def logout(self) -> str:
        """The URL to which it sends them when they have logged out there."""
        return self.public_url + LOG_OUT

    @property
    def is_secure(self) -> bool:
        """Whether browsers may send the session by TLS alone."""
        return self.public_url.startswith("https:")


def is_safe_url(url: str) -> bool:
    """Return whether secrets may be sent to a URL: over TLS, or within this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))
