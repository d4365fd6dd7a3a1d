"""Login sessions and logins in progress, both stored in signed cookies."""

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attr
import msgspec

from ccsproxy.api.hub.access import Visitor, person_in
from ccsproxy.api.hub.oidc.revocations import Revocations
from ccsproxy.api.hub.oidc.signed import Signer
from ccsproxy.api.hub.oidc.tokens import TokenRefused

#: Maximum duration of a login at the provider, in seconds.
LOGIN_TIME = 600.0
#: The path under which the hub serves its login pages.
OWN_PATH = "/oidc"


@attr.frozen
class Login:
    """A login in progress.

    :ivar state: identifies it to the hub and to the provider.
    :ivar verifier: the PKCE code verifier.
    :ivar back: the path to redirect to afterwards.
    """

    state: str
    nonce: str
    verifier: str
    back: str

    @property
    def challenge(self) -> str:
        """The verifier's challenge by S256 (RFC 7636, section 4.2)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    @classmethod
    def begin(cls, back: str) -> "Login":
        """Begin a login; each of its values has at least 256 random bits."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), back)


class LoginSessions:
    """Makes and reads the cookies of sessions and logins.

    Invariant: a session ends at its fixed expiry time, however much it is used, or at logout, which revokes it.
    """

    def __init__(
        self,
        signer: Signer,
        clock: Callable[[], float],
        seconds: float,
        secure: bool,
        revoked: Revocations | None = None,
    ) -> None:
        """Set the attributes of the cookies.

        :param seconds: how long a session lasts.
        :param secure: whether browsers send them over TLS only.
        :param revoked: the sessions that have ended early; those of this object only if None.
        """
        self._signer, self._clock, self._seconds = signer, clock, seconds
        self._secure = secure
        # A name with that prefix cannot be set from another host of the same domain (RFC 6265bis, section 4.1.3.2).
        self._name = "__Host-ccsproxy" if secure else "ccsproxy_hub"
        self._revoked = Revocations(clock) if revoked is None else revoked

    def visitor(self, cookies: Iterable[bytes]) -> Visitor | None:
        """Return the user to whom cookies belong; None if there is no valid session.

        :param cookies: the values of ``Cookie``.
        """
        content = self._session(cookies)
        if content is None or content["id"] in self._revoked:
            return None
        return Visitor(content["person"], tuple(content["groups"]))

    def begin(self, visitor: Visitor) -> str:
        """Return the ``Set-Cookie`` of a new session.

        :raises TokenRefused: if it is too large for a browser to keep.
        """
        value = {"id": secrets.token_urlsafe(12), "person": visitor.person, "groups": list(visitor.groups)}
        try:
            text = self._signer.sign("session", value, self._seconds)
        except ValueError:
            raise TokenRefused("the person's name and groups are too long for a cookie") from None
        return self._cookie(self._name, text, self._seconds, "/")

    def end(self, cookies: Iterable[bytes]) -> str:
        """End the session that cookies name; return the ``Set-Cookie`` that removes it.

        :raises OSError: if it has ended at this hub alone, because other hubs could not be told.
        """
        content = self._session(cookies)
        if content is not None:
            self._revoked.add(content["id"], self._clock() + self._seconds)
        return self._cookie(self._name, "", 0, "/")

    def keep_login(self, login: Login) -> str:
        """Return the ``Set-Cookie`` of a login; several may be under way in one browser."""
        text = self._signer.sign("login", attr.asdict(login), LOGIN_TIME)
        return self._cookie(_login_name(login.state), text, LOGIN_TIME, OWN_PATH)

    def login(self, cookies: Iterable[bytes], state: str) -> Login | None:
        """Return the login that a state names, if it was begun in the browser that sends cookies."""
        content = self._signer.read("login", _cookies(cookies).get(_login_name(state), ""))
        login = None if content is None else msgspec.convert(content, dict[str, str])
        return Login(**login) if login is not None and secrets.compare_digest(login["state"], state) else None

    def forget_login(self, state: str) -> str:
        """Return the ``Set-Cookie`` that removes a login."""
        return self._cookie(_login_name(state), "", 0, OWN_PATH)

    def _session(self, cookies: Iterable[bytes]) -> dict[str, Any] | None:
        return self._signer.read("session", _cookies(cookies).get(self._name, ""))

    def _cookie(self, name: str, value: str, seconds: float, path: str) -> str:
        # Lax: the provider's redirect is a navigation from another site, which Strict would let come without cookies.
        content = f"{name}={value}; Path={path}; Max-Age={int(seconds)}; HttpOnly; SameSite=Lax"
        return content + ("; Secure" if self._secure else "")


def visitor_of(claims: Mapping[str, Any], person: str, groups: str, known: Iterable[str]) -> Visitor:
    """Return the user whom claims identify.

    :param person: the name of the claim that identifies the user.
    :param groups: the claim of their groups, a list or one text.
    :param known: the groups that count.
    :raises TokenRefused: if they identify nobody.
    """
    name = claims.get(person)
    found = person_in([name.encode("utf-8", "replace")]) if isinstance(name, str) else None
    if found is None:
        raise TokenRefused(f"the provider does not say the claim {person}; see --oidc-scope and --oidc-person-claim")
    if person == "email" and claims.get("email_verified") is False:
        raise TokenRefused("the provider has not verified the mail address")
    content = claims.get(groups)
    listed = content if isinstance(content, list) else [content]
    return Visitor(found, tuple(each for each in known if each in listed))


def path_back(text: str) -> str:
    """Return the path to redirect to after a login: one of this hub, whatever was asked for."""
    # A path that browsers would read as a host, or strip, is rejected.
    inside = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and len(text) <= 1000
    return text if inside and not text.startswith(OWN_PATH + "/") else "/"


def _login_name(state: str) -> str:
    return "ccsproxy_login_" + hashlib.sha256(state.encode()).hexdigest()[:12]


def _cookies(values: Iterable[bytes]) -> dict[str, str]:
    """Read ``Cookie``; of two of a name the first counts, as with browsers it is the one of the longer path."""
    found: dict[str, str] = {}
    for value in values:
        for pair in value.decode("latin-1").split(";"):
            name, _, text = pair.strip().partition("=")
            found.setdefault(name, text)
    return found
