"""Login by OpenID Connect: identifies the user of a request, and serves the few pages under ``/oidc``."""

import html
from collections.abc import Coroutine, Iterable, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, quote

from twisted.logger import Logger
from twisted.web.resource import IResource
from twisted.web.server import Request

from ccsproxy.api.answer import ApiResponse, Refused
from ccsproxy.api.deliver import deliver, secure
from ccsproxy.api.hub.access import Visitor
from ccsproxy.api.hub.login_settings import LoginSettings
from ccsproxy.api.hub.oidc.provider import OpenIdProvider, ProviderError
from ccsproxy.api.hub.oidc.revocations import Revocations, SharedRevocations
from ccsproxy.api.hub.oidc.sessions import OWN_PATH, Login, LoginSessions, path_back, visitor_of
from ccsproxy.api.hub.oidc.signed import Signer
from ccsproxy.api.hub.oidc.tokens import TokenRefused
from ccsproxy.api.reading import Reading
from ccsproxy.api.site import API_SEGMENTS, Fixed

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>ccsproxy hub</title>
<link rel="stylesheet" href="/oidc/style"><main><h1>{title}</h1><p>{said}</p>{more}</main></html>"""
_STYLE = (
    b":root{color-scheme:light dark}main{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:15vh auto;"
    b"padding:0 1rem}h1{font-size:1.3rem}button{font:inherit;padding:.3rem .9rem}"
)
#: The content security policy of these pages: unlike other answers they may submit a form, the one for logging out.
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


class OidcAuthenticator:
    """Identifies users by the session that begins when they log in (see `ccsproxy.api.hub.authenticators`)."""

    _log = Logger()

    def __init__(
        self,
        provider: OpenIdProvider,
        settings: LoginSettings,
        sessions: LoginSessions,
        groups: Iterable[str],
        reading: Reading,
    ) -> None:
        """Create the authenticator of a hub.

        :param groups: the groups to which the roles file gives roles.
        """
        self._provider, self._settings, self._sessions = provider, settings, sessions
        self._groups, self._reading = tuple(groups), reading

    def visitor(self, request: Request) -> Visitor | None:
        """Return the user of a request; None if they have not logged in or their session has ended."""
        return self._sessions.visitor(_cookies_of(request))

    def own(self, request: Request) -> IResource | None:
        """Return the resource of a login or logout page; None for any other request."""
        path = request.path.decode("latin-1")
        if not path.startswith(OWN_PATH + "/"):
            return None
        what = path.removeprefix(OWN_PATH + "/")
        posted = request.method == b"POST"
        if what == "logout":
            answer = self._log_out if posted else self._ask_to_log_out
        elif posted:
            return None
        else:
            answer = {"login": self._log_in, "callback": self._come_back, "style": _style}.get(what, _nothing)
        return Fixed(lambda current: self._answer(current, answer(current)))

    def unknown(self, request: Request) -> IResource:
        """Return the resource for an unknown user: browsers are redirected to the login, programs get a 401."""
        path = request.path.decode("latin-1")
        first = path.split("/", 2)[1].encode("latin-1") if path.startswith("/") else b""
        if request.method not in (b"GET", b"HEAD") or first in API_SEGMENTS or first == b"static":
            return Fixed(lambda current: self._answer(current, _login_required()))
        place = f"{OWN_PATH}/login?back={quote(request.uri.decode('latin-1'), safe='')}"
        return Fixed(lambda current: self._answer(current, _redirect(place)))

    async def _answer(self, request: Request, answering: Coroutine[Any, Any, ApiResponse]) -> None:
        """Write an answer; an error becomes a page with one sentence."""
        secure(request)
        try:
            answer = await answering
        except ProviderError as error:
            answer = _failed(HTTPStatus.BAD_GATEWAY, str(error))
        except TokenRefused as error:
            answer = _failed(HTTPStatus.FORBIDDEN, str(error))
        except Refused as refused:
            answer = _page(refused.status, "Not logged in", refused.message, _AGAIN)
        cookies = answer.headers.get("Set-Cookie", "")
        headers = {name: value for name, value in answer.headers.items() if name != "Set-Cookie"}
        for cookie in filter(None, cookies.split("\n")):
            request.responseHeaders.addRawHeader(b"set-cookie", cookie.encode())
        if not request._disconnected:
            await deliver(
                request, ApiResponse(answer.body, answer.media_type, answer.status, None, headers), self._reading
            )

    async def _log_in(self, request: Request) -> ApiResponse:
        login = Login.begin(path_back(_field(request, "back")))
        try:
            cookie = self._sessions.keep_login(login)
        except ValueError:
            login = Login.begin("/")
            cookie = self._sessions.keep_login(login)
        return await _redirect(await self._provider.login_url(login.state, login.nonce, login.challenge), cookie)

    async def _come_back(self, request: Request) -> ApiResponse:
        """Complete the login of a user whom the provider sends back."""
        state = _field(request, "state")
        login = self._sessions.login(_cookies_of(request), state)
        if login is None:
            message = "This login was started in another browser, or more than ten minutes ago."
            raise Refused(HTTPStatus.BAD_REQUEST, "login_unknown", message)
        issuer = _field(request, "iss")
        # RFC 9207: the answer of one provider must not be accepted as that of another (mix-up attack).
        if issuer and issuer != self._settings.issuer:
            raise TokenRefused("the answer is another provider's")
        code = _field(request, "code")
        if not code:
            kind = _field(request, "error") or "no code"
            raise Refused(HTTPStatus.FORBIDDEN, "login_refused", f"The provider did not let you in: {kind[:60]}.")
        claims = await self._provider.claims(code, login.verifier, login.nonce)
        visitor = visitor_of(claims, self._settings.person, self._settings.groups, self._groups)
        self._log.info("{person} has logged in", person=visitor.person)
        cookies = self._sessions.begin(visitor), self._sessions.forget_login(state)
        return await _redirect(login.back, *cookies)

    async def _ask_to_log_out(self, request: Request) -> ApiResponse:
        visitor = self.visitor(request)
        if visitor is not None:
            button = f'<form method="post" action="{OWN_PATH}/logout"><button>Log out</button></form>'
            return _page(HTTPStatus.OK, "Log out", f"You are logged in as {visitor.person}.", button + _BACK)
        place = await self._provider.logout_url(self._settings.logout)
        # A link instead of a redirect, because `form-action` restricts the targets of our forms to this hub.
        there = f'<p><a href="{html.escape(place)}">Log out at the provider, too</a></p>' if place else ""
        return _page(HTTPStatus.OK, "Logged out", "You are not logged in here.", _AGAIN + there)

    async def _log_out(self, request: Request) -> ApiResponse:
        try:
            return await _redirect(OWN_PATH + "/logout", self._sessions.end(_cookies_of(request)))
        except OSError as error:
            self._log.error("a log-out counts for this hub only: {error}", error=error)
            message = "You are logged out of this hub, but others could not be told. Log out at the provider, too."
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "logout", message) from None


def make_oidc_authenticator(
    reactor: Any, settings: LoginSettings, groups: Iterable[str], reading: Reading, agent: Any = None
) -> OidcAuthenticator:
    """Create the authenticator of a hub, with its provider and sessions.

    :param groups: the groups to which the roles file gives roles.
    :param agent: makes the requests to the provider (see `OpenIdProvider`).
    """
    clock = settings.clock
    provider = OpenIdProvider(reactor, settings, clock, agent)
    revoked = Revocations(clock) if settings.revocations is None else SharedRevocations(clock, settings.revocations)
    signer = Signer(settings.session_key, clock)
    sessions = LoginSessions(signer, clock, settings.session_seconds, settings.is_secure, revoked)
    return OidcAuthenticator(provider, settings, sessions, groups, reading)


_BACK = '<p><a href="/">Back</a></p>'
_AGAIN = f'<p><a href="{OWN_PATH}/login">Log in</a></p>'


async def _redirect(place: str, *cookies: str) -> ApiResponse:
    headers = {"Location": place, "Set-Cookie": "\n".join(cookies)}
    return ApiResponse(b"", "text/plain; charset=utf-8", HTTPStatus.SEE_OTHER, None, headers)


async def _style(request: Request) -> ApiResponse:
    return ApiResponse(_STYLE, "text/css; charset=utf-8")


async def _nothing(request: Request) -> ApiResponse:
    return _page(HTTPStatus.NOT_FOUND, "Nothing here", "There is no such page.", _AGAIN)


async def _login_required() -> ApiResponse:
    body = b'{"error":{"type":"login_required","message":"Log in at /oidc/login first; the session may have ended."}}'
    return ApiResponse(body, status=HTTPStatus.UNAUTHORIZED)


def _failed(status: int, what: str) -> ApiResponse:
    return _page(status, "Not logged in", f"You could not be logged in: {what}.", _AGAIN)


def _page(status: int, title: str, said: str, more: str) -> ApiResponse:
    body = _PAGE.format(title=html.escape(title), said=html.escape(said), more=more).encode()
    return ApiResponse(body, "text/html; charset=utf-8", status, None, {"Content-Security-Policy": _POLICY})


def _cookies_of(request: Request) -> Sequence[bytes]:
    return request.requestHeaders.getRawHeaders(b"cookie", [])


def _field(request: Request, name: str) -> str:
    """Return a query parameter; empty if it is missing or repeated."""
    query = request.uri.partition(b"?")[2].decode("latin-1")
    try:
        found = parse_qs(query, errors="replace", max_num_fields=40).get(name, [])
    except ValueError:
        return ""
    return found[0] if len(found) == 1 else ""
