"""ID tokens: one that is right, and each way in which one is not."""

import base64
import hmac
import json
from typing import Any

import jwt
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.api.hub.oidc.tokens import LEEWAY, Expected, KeySet, TokenRefused, UnknownKey, read_id_token
from test.api.hub.oidc.mock_provider import SigningKey

NOW = 1_800_000_000.0
EXPECTED = Expected("https://id.example", "hub", "n", NOW)
CLAIMS: dict[str, Any] = {
    "iss": "https://id.example",
    "aud": "hub",
    "sub": "1",
    "nonce": "n",
    "iat": NOW - 5,
    "exp": NOW + 60,
}


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


class TokenTests(SynchronousTestCase):
    """Tokens of one provider."""

    def setUp(self) -> None:
        self.one, self.other = SigningKey("1"), SigningKey("2", "RS256")

    def keys(self, *keys: SigningKey) -> KeySet:
        return KeySet({"keys": [{"kty": "odd"}, 7, *(each.public for each in keys or (self.one, self.other))]})

    def refused(self, token: str, keys: KeySet | None = None, kind: type[TokenRefused] = TokenRefused) -> str:
        error = self.assertRaises(kind, read_id_token, token, keys or self.keys(), EXPECTED)
        return str(error)

    def test_right(self) -> None:
        """By either kind of key, with or without the key's name, for one client or several."""
        for key in (self.one, self.other):
            for more in ({}, {"aud": ["hub"]}, {"aud": ["x", "hub"], "azp": "hub"}, {"azp": "hub"}):
                self.assertEqual(read_id_token(key.sign({**CLAIMS, **more}), self.keys(), EXPECTED)["sub"], "1")
        token = jwt.encode(CLAIMS, self.one.key, "ES256")
        self.assertEqual(read_id_token(token, self.keys(), EXPECTED)["sub"], "1")

    def test_clocks(self) -> None:
        """They may differ by a minute in either direction, and no more."""
        for more, good in (
            ({"exp": NOW - LEEWAY + 1}, True),
            ({"exp": NOW - LEEWAY}, False),
            ({"iat": NOW + LEEWAY}, True),
            ({"iat": NOW + LEEWAY + 1}, False),
            ({"nbf": NOW + LEEWAY + 1}, False),
            ({"exp": None}, False),
            ({"exp": "soon"}, False),
            ({"exp": True}, False),
        ):
            token = self.one.sign({**CLAIMS, **more})
            if good:
                read_id_token(token, self.keys(), EXPECTED)
            else:
                self.refused(token)
        self.assertIn("has expired", self.refused(self.one.sign({**CLAIMS, "exp": NOW - 3600})))

    def test_for_somebody_else(self) -> None:
        """Another provider's, client's or login's."""
        for more in (
            {"iss": "https://id.example/"}, {"iss": None}, {"aud": "x"}, {"aud": []}, {"aud": ["hub", "x"]},
            {"azp": "x"}, {"aud": ["hub", "x"], "azp": "x"}, {"nonce": "m"}, {"nonce": None}, {"sub": None},
        ):  # fmt: skip
            self.refused(self.one.sign({**CLAIMS, **more}))

    def test_signature(self) -> None:
        """None, one by HMAC with the public key, another's, one of other claims, and what is no token."""
        head, body, signature = self.one.sign(CLAIMS).split(".")
        other = encoded({**CLAIMS, "sub": "root"})
        public = json.dumps(self.one.public).encode()
        signed = f"{encoded({'alg': 'HS256', 'kid': '1'})}.{body}"
        mark = base64.urlsafe_b64encode(hmac.digest(public, signed.encode(), "sha256")).rstrip(b"=").decode()
        hashed = f"{signed}.{mark}"
        unsigned = f"{encoded({'alg': 'none', 'kid': '1'})}.{body}."
        stranger = SigningKey("1").sign(CLAIMS)
        for token in (f"{head}.{other}.{signature}", f"{head}.{body}.", hashed, unsigned, stranger):
            self.refused(token)
        for token in ("", "x", "a.b.c", "." * 9, f"{head}.{body}", encoded([]) + ".e30.x", "x" * (1 << 20)):
            self.refused(token)
        self.refused(self.other.sign(CLAIMS, kid="1"), kind=UnknownKey)

    def test_keys(self) -> None:
        """A key that is not published yet is told apart, as the published ones may be old; rubbish holds none."""
        self.refused(self.other.sign(CLAIMS), self.keys(self.one), UnknownKey)
        for document in (None, [], {}, {"keys": 1}, {"keys": [{"kid": "1", "kty": "EC", "crv": "P-256"}]}):
            self.refused(self.one.sign(CLAIMS), KeySet(document), UnknownKey)
        public = {**self.one.public, "use": "enc"}
        self.refused(self.one.sign(CLAIMS), KeySet({"keys": [public]}), UnknownKey)
