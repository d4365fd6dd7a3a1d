"""ID tokens: signature and claims are checked as required by OpenID Connect Core 1.0, section 3.1.3.7.

PyJWT is imported here and nowhere else. Its own checks of time are disabled; ours use the clock passed in.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import attr
import jwt

#: Accepted signatures: those of a key pair. "none" and HMAC, whose key is the client's secret, are not accepted.
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
#: Seconds by which the provider's clock may differ from ours.
LEEWAY = 60.0
#: Bytes that an ID token may have.
_LARGEST = 64 << 10


class TokenRefused(Exception):
    """An ID token is not accepted; its text is one sentence for people."""


class UnknownKey(TokenRefused):
    """It names a signing key that is not among those that are known: keys may have changed."""


class KeySet:
    """The provider's public keys (RFC 7517)."""

    def __init__(self, document: Any) -> None:
        """Store the keys that a provider publishes.

        :param document: the JSON of its ``jwks_uri``; keys of unknown kinds are ignored.
        """
        keys = document.get("keys") if isinstance(document, dict) else None
        self._keys = [each for each in keys if isinstance(each, dict)] if isinstance(keys, list) else []

    def fitting(self, key_id: Any, algorithm: str) -> Iterator[jwt.PyJWK]:
        """Yield the keys that may have signed a token.

        :param key_id: the ``kid`` of its header; None if it has none.
        """
        for each in self._keys:
            named = key_id is None or each.get("kid") == key_id
            if named and each.get("use", "sig") == "sig" and each.get("alg", algorithm) == algorithm:
                try:
                    yield jwt.PyJWK(each, algorithm)
                except (jwt.PyJWTError, ValueError, TypeError, KeyError):
                    continue


@attr.frozen
class Expected:
    """The required values of an ID token's claims.

    :ivar nonce: that of the login request.
    :ivar now: seconds since the epoch.
    """

    issuer: str
    client_id: str
    nonce: str
    now: float


def read_id_token(token: str, keys: KeySet, expected: Expected) -> Mapping[str, Any]:
    """Return the claims of an ID token.

    :raises UnknownKey: if none of the keys can have signed it.
    :raises TokenRefused: if it is invalid, expired, or for another client.
    """
    if len(token) > _LARGEST:
        raise TokenRefused("the ID token is too large")
    claims = _signed_claims(token, keys)
    _check_times(claims, expected.now)
    _check_audience(claims, expected)
    if claims.get("nonce") != expected.nonce:
        raise TokenRefused("the ID token belongs to another login")
    return claims


def _signed_claims(token: str, keys: KeySet) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise TokenRefused("what the provider sent is not an ID token") from None
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        raise TokenRefused("the ID token is not signed with an asymmetric key")
    found = False
    for key in keys.fitting(header.get("kid"), algorithm):
        found = True
        try:
            claims: dict[str, Any] = jwt.decode(token, key, [algorithm], options=_SIGNATURE_ALONE)
            return claims
        except jwt.PyJWTError:
            continue
    if not found:
        raise UnknownKey("the ID token is signed with a key that the provider does not publish")
    raise TokenRefused("the signature of the ID token is wrong")


#: All other checks are made here, so that each refusal has a message of its own.
_SIGNATURE_ALONE: Any = {
    "verify_signature": True,
    **dict.fromkeys(
        ("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss", "verify_sub", "verify_jti"), False
    ),
}


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    expires, issued, begins = (_time(claims.get(name)) for name in ("exp", "iat", "nbf"))
    if expires is None or issued is None:
        raise TokenRefused("the ID token does not say when it was issued and when it expires")
    if expires + LEEWAY <= now:
        raise TokenRefused("the ID token has expired; if this happens again, compare the clocks")
    if max(issued, begins or 0.0) - LEEWAY > now:
        raise TokenRefused("the ID token is not valid yet; compare the clocks")


def _check_audience(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise TokenRefused("the ID token is another provider's")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    party = claims.get("azp")
    if expected.client_id not in audiences or (party is not None and party != expected.client_id):
        raise TokenRefused("the ID token is for another client")
    if len(audiences) > 1 and party is None:
        raise TokenRefused("the ID token is for several clients and names none of them as the authorized party")
    if not isinstance(claims.get("sub"), str):
        raise TokenRefused("the ID token names no user")


def _time(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
