"""A mock OpenID provider: real keys made at its start, codes, PKCE; it does wrong what a test tells it to."""

import base64
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote_plus, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

ALGORITHMS = {"RS256": jwt.algorithms.RSAAlgorithm, "ES256": jwt.algorithms.ECAlgorithm}


class SigningKey:
    """A key pair of a provider."""

    def __init__(self, key_id: str, algorithm: str = "ES256") -> None:
        rsa_key = algorithm.startswith("RS")
        self.key: Any = rsa.generate_private_key(65537, 2048) if rsa_key else ec.generate_private_key(ec.SECP256R1())
        self.key_id, self.algorithm = key_id, algorithm

    @property
    def public(self) -> dict[str, Any]:
        """The public half as a JSON Web Key."""
        made = json.loads(ALGORITHMS[self.algorithm].to_jwk(self.key.public_key()))
        return {**made, "kid": self.key_id, "use": "sig", "alg": self.algorithm}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """Make a token."""
        # Not by jwt.encode, which refuses to make what a provider that is wrong may send.
        return jwt.PyJWS().encode(
            json.dumps(claims).encode(), self.key, self.algorithm, {"kid": self.key_id, **header}
        )


class MockProvider:
    """A provider on a loopback port, which lets everybody in as whoever is set.

    :ivar claims: what tokens say beside what they have to say.
    :ivar odd: what tokens say instead.
    :ivar keys: the keys; the last one signs.
    :ivar published: the keys that it publishes; all of them while None.
    :ivar trouble: status and body of every answer, where it fails.
    :ivar asked: method and path of each request.
    """

    def __init__(self, client: str, secret: str = "") -> None:
        self.client, self.secret = client, secret
        self.claims: dict[str, Any] = {"email": "ann@example.com", "email_verified": True}
        self.odd: dict[str, Any] = {}
        self.keys = [SigningKey("1")]
        self.published: list[SigningKey] | None = None
        self.trouble: tuple[int, bytes] | None = None
        self.asked: list[tuple[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}

        class Handler(BaseHTTPRequestHandler):
            """Answers by the provider."""

            def do_GET(handler) -> None:
                self._answer(handler, b"")

            def do_POST(handler) -> None:
                self._answer(handler, handler.rfile.read(int(handler.headers["Content-Length"])))

            def log_message(handler, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}/realm"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()

    def consent(self, url: str, **changed: str) -> str:
        """Do what a person and their browser do at the login page; return the URL that they are sent back to."""
        parts = urlsplit(url)
        asked = dict(parse_qsl(parts.query))
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == self.issuer + "/login", url
        assert (asked["client_id"], asked["response_type"], asked["code_challenge_method"]) == (
            self.client,
            "code",
            "S256",
        )
        code = f"code{len(self._codes)}"
        self._codes[code] = asked
        said = {"code": code, "state": asked["state"], "iss": self.issuer, **changed}
        return asked["redirect_uri"] + "?" + "&".join(f"{name}={value}" for name, value in said.items() if value)

    def _answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        path = handler.path.removeprefix("/realm")
        self.asked.append((handler.command, path))
        if self.trouble is not None:
            status, said = self.trouble
        elif path == "/.well-known/openid-configuration":
            status, said = 200, json.dumps(self._document()).encode()
        elif path == "/keys":
            keys = self.keys if self.published is None else self.published
            status, said = 200, json.dumps({"keys": [{"kty": "odd"}, *(each.public for each in keys)]}).encode()
        elif path == "/token":
            status, said = self._token(handler, {name: found[0] for name, found in parse_qs(body.decode()).items()})
        else:
            status, said = 404, b""
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(said)))
        handler.end_headers()
        handler.wfile.write(said)

    def _document(self) -> dict[str, Any]:
        places = {"authorization_endpoint": "login", "token_endpoint": "token", "jwks_uri": "keys",
                  "end_session_endpoint": "logout"}  # fmt: skip
        return {"issuer": self.issuer, **{name: f"{self.issuer}/{place}" for name, place in places.items()}}

    def _token(self, handler: BaseHTTPRequestHandler, form: dict[str, str]) -> tuple[int, bytes]:
        asked = self._codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return 400, b'{"error":"invalid_grant","error_description":"<b>no</b>"}'
        # Both are encoded as in forms first (RFC 6749, section 2.3.1).
        shown = base64.b64encode(f"{quote_plus(self.client)}:{quote_plus(self.secret)}".encode()).decode()
        if self.secret and handler.headers["Authorization"] != f"Basic {shown}":
            return 401, b'{"error":"invalid_client"}'
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.client, "sub": "1", "iat": now, "exp": now + 300,
                  "nonce": asked["nonce"], **self.claims, **self.odd}  # fmt: skip
        return 200, json.dumps({"access_token": "x", "id_token": self.keys[-1].sign(claims)}).encode()
