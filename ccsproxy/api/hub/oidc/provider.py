"""The OpenID provider over HTTP: its discovery document, its keys, and the exchange of a code for an ID token.

OpenID Connect Discovery 1.0 (the document), OpenID Connect Core 1.0 section 3.1 (authorization code), RFC 7636
(PKCE).
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec
import treq
from twisted.internet.error import ConnectError
from twisted.logger import Logger
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers

from ccsproxy.api.hub.login_settings import LoginSettings, is_safe_url
from ccsproxy.api.hub.oidc.tokens import Expected, KeySet, UnknownKey, read_id_token

#: Seconds that any of its answers may take.
PATIENCE = 10.0
#: Seconds for which the document and the keys are cached; if a token names an unknown key, they are fetched sooner.
FRESH, SOONEST = 3600.0, 10.0
#: Seconds for which a provider that did not answer is not contacted again.
SILENT = 2.0
#: Bytes that any of its answers may have.
LARGEST = 1 << 20
_ERROR = re.compile(r"[a-z_]{1,60}")


class ProviderError(Exception):
    """The provider does not answer, or not as it should; its text is one sentence for people."""


class OpenIdProvider:
    """An OpenID provider, as its discovery document describes it.

    Invariants: document and keys are fetched when they are needed and older than `FRESH`; keys also when a token
    names an unknown one, at most every `SOONEST` seconds.
    """

    _log = Logger()

    def __init__(self, reactor: Any, settings: LoginSettings, clock: Callable[[], float], agent: Any = None) -> None:
        """Prepare a client of the provider, without contacting it.

        :param clock: seconds since the epoch.
        :param agent: makes the requests, an `twisted.web.iweb.IAgent`; by default one that verifies certificates.
        """
        # A code is valid once, so the request must not be repeated on a closed idle connection: none is kept.
        pool = HTTPConnectionPool(reactor, persistent=False)
        self._http = treq.client.HTTPClient(agent or Agent(reactor, connectTimeout=PATIENCE, pool=pool))
        self._reactor, self._settings, self._clock = reactor, settings, clock
        self._document: dict[str, Any] = {}
        self._keys = KeySet(None)
        self._document_at = self._keys_at = 0.0
        self._silent: tuple[float, str] = (float("-inf"), "")

    async def login_url(self, state: str, nonce: str, challenge: str) -> str:
        """Return the URL where a user logs in.

        :param challenge: the S256 challenge of PKCE.
        """
        settings = self._settings
        parameters = {
            "response_type": "code",
            "client_id": settings.client_id,
            "redirect_uri": settings.callback,
            "scope": " ".join(("openid", *settings.scopes)),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return _with_query(await self._endpoint("authorization_endpoint"), parameters)

    async def logout_url(self, back: str) -> str | None:
        """Return the URL of the provider's logout page (RP-Initiated Logout 1.0); None if it has none."""
        try:
            place = await self._endpoint("end_session_endpoint")
        except ProviderError:
            return None
        return _with_query(place, {"client_id": self._settings.client_id, "post_logout_redirect_uri": back})

    async def claims(self, code: str, verifier: str, nonce: str) -> Mapping[str, Any]:
        """Exchange a code for an ID token, and return its claims.

        :param verifier: that of PKCE.
        :raises ProviderError: if the provider returns no token.
        :raises TokenRefused: if the token is not accepted.
        """
        token = await self._token(code, verifier)
        expected = Expected(self._settings.issuer, self._settings.client_id, nonce, self._clock())
        try:
            return read_id_token(token, await self._current_keys(), expected)
        except UnknownKey:
            # Providers change their keys without notice, and publish the new ones before they sign with them.
            return read_id_token(token, await self._current_keys(SOONEST), expected)

    async def _token(self, code: str, verifier: str) -> str:
        settings = self._settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.callback,
            "code_verifier": verifier,
        }
        headers = {"Accept": "application/json"}
        if self._secret_in_header():
            shown = f"{quote_plus(settings.client_id)}:{quote_plus(settings.secret)}".encode()
            headers["Authorization"] = "Basic " + b64encode(shown).decode()
        else:
            form["client_id"] = settings.client_id
            form.update({"client_secret": settings.secret} if settings.secret else {})
        response = await self._ask("POST", await self._endpoint("token_endpoint"), headers, form)
        token = response.get("id_token")
        if not isinstance(token, str):
            raise ProviderError("the provider sent no ID token; is `openid` among the client's scopes?")
        return token

    def _secret_in_header(self) -> bool:
        """Return whether the client authenticates in the header (OpenID Connect Core 1.0, section 9)."""
        ways = self._document.get("token_endpoint_auth_methods_supported")
        return bool(self._settings.secret) and (not isinstance(ways, list) or "client_secret_basic" in ways)

    async def _current_keys(self, oldest: float = FRESH) -> KeySet:
        if self._clock() - self._keys_at >= oldest:
            self._keys = KeySet(await self._ask("GET", await self._endpoint("jwks_uri")))
            self._keys_at = self._clock()
        return self._keys

    async def _endpoint(self, name: str) -> str:
        """Return a URL out of the discovery document."""
        if not self._document or self._clock() - self._document_at >= FRESH:
            await self._discover()
        place = self._document.get(name)
        if not isinstance(place, str) or not is_safe_url(place):
            raise ProviderError(f"the provider's discovery document has no {name} that can be used")
        return place

    async def _discover(self) -> None:
        issuer = self._settings.issuer
        since, why = self._silent
        # Every page request gets here, so a provider that does not answer must not be contacted for each.
        if not self._document and self._clock() - since < SILENT:
            raise ProviderError(why)
        try:
            found = await self._ask("GET", issuer.rstrip("/") + "/.well-known/openid-configuration")
            if found.get("issuer") != issuer:
                raise ProviderError(f"the discovery document names another issuer than {issuer}; see --oidc-issuer")
        except ProviderError as error:
            self._silent = self._clock(), str(error)
            if not self._document:
                raise
            # The previous document is still the best information available.
            self._document_at = self._clock() - FRESH + SOONEST
            return
        self._document, self._document_at = found, self._clock()

    async def _ask(
        self, method: str, url: str, headers: dict[str, str] | None = None, form: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Make a request that is answered with a JSON object."""
        try:
            status, body = await self._send(method, url, headers, form)
        except Exception as error:
            self._log.warn("{method} {url}: {error}", method=method, url=url, error=error)
            why = error.args[0] if isinstance(error, _TooLarge) else _reason(error)
            raise ProviderError(
                f"the provider {urlsplit(url).hostname} could not be reached or gave an invalid answer: {why}"
            ) from None
        try:
            response = msgspec.json.decode(body)
        except ValueError:
            response = None
        if status != 200 or not isinstance(response, dict):
            kind = response.get("error") if isinstance(response, dict) else None
            what = f"{kind} ({status})" if isinstance(kind, str) and _ERROR.fullmatch(kind) else f"status {status}"
            raise ProviderError(f"the provider {urlsplit(url).hostname} answered {what}")
        return response

    async def _send(
        self, method: str, url: str, headers: dict[str, str] | None, form: dict[str, str] | None
    ) -> tuple[int, bytes]:
        # A redirect could lead the code and the secret elsewhere.
        response = await self._http.request(
            method,
            url,
            headers=Headers({name: [value] for name, value in (headers or {}).items()}),
            data=form,
            timeout=PATIENCE,
            allow_redirects=False,
        )
        taken: list[bytes] = []
        total = 0

        def collect(data: bytes) -> None:
            nonlocal total
            total += len(data)
            if total > LARGEST:
                raise _TooLarge("its answer is too large")
            taken.append(data)

        await treq.collect(response, collect).addTimeout(PATIENCE, self._reactor)
        return response.code, b"".join(taken)


class _TooLarge(Exception):
    """An answer is larger than any should be."""


def _reason(error: Exception) -> str:
    """Describe a connection error, without memory addresses and the like."""
    if isinstance(error, ConnectError):
        return str(error).rstrip(".").lower()
    return type(error).__name__


def _with_query(url: str, fields: Mapping[str, str]) -> str:
    return url + ("&" if "?" in url else "?") + urlencode(fields)
