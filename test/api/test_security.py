"""The security matrix: no forbidden combination of Host, Origin, token and method is answered."""

import json
import os
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import HTTPChannel

from ccsproxy.api.answer import Refused
from ccsproxy.api.deliver import SECURITY
from ccsproxy.api.guard import Guard, RequestFacts, is_loopback, without_secrets
from ccsproxy.api.one_time_key import LIFE, KeyRing, make_key
from ccsproxy.api.token import TokenError, read_or_make
from test.api.scene import PORT, ApiCase

TOKEN = "t" * 43
FRIEND = "https://friend.example"

OWN_HOSTS = [
    f"127.0.0.1:{PORT}",
    f"localhost:{PORT}",
    f"LOCALHOST:{PORT}",
    f"[::1]:{PORT}",
    "desk.example",
    "desk.example:9",
]
FOREIGN_HOSTS = [
    *(
        "evil.example",
        f"evil.example:{PORT}",
        "127.0.0.1",
        "localhost",
        "127.0.0.1:1",
        f"127.0.0.1.evil.example:{PORT}",
    ),
    *(f"evil.example@localhost:{PORT}", f"localhost:{PORT}.evil.example", "", f"0.0.0.0:{PORT}", f"10.0.0.1:{PORT}"),
    *(
        f"localhost.:{PORT}",
        f"localhost:{PORT}:{PORT}",
        "localhost:999999",
        f"[::1].evil.example:{PORT}",
        "[::ffff:7f00:1]",
    ),
]
ORIGINS = {
    "": True,
    FRIEND: True,
    "null": False,
    "https://evil.example": False,
    FRIEND + ".evil.example": False,
    "http://friend.example": False,
    FRIEND + ":444": False,
    "http://localhost:3000": False,
    "http://127.0.0.1": False,
}
CREDENTIALS = {
    "": False,
    f"Bearer {TOKEN}": True,
    f"bearer {TOKEN}": True,
    f"Bearer {TOKEN}x": False,
    "Bearer ": False,
    "Bearer": False,
    f"Basic {TOKEN}": False,
    TOKEN: False,
    "Bearer \xff": False,
}
METHODS = {"GET": True, "HEAD": True, "OPTIONS": True, "POST": False, "DELETE": False, "PUT": False}


class MatrixTests(ApiCase):
    """Host x Origin x token x method, over HTTP."""

    def setUp(self) -> None:
        names = frozenset({"desk.example"})
        self.serve(Guard(frozenset({PORT}), names, cors_allow=FRIEND, token=TOKEN))

    def test_no_forbidden_combination(self) -> None:
        """An answer is given when all four are right, and then only."""
        hosts = dict.fromkeys(OWN_HOSTS[:2], True) | dict.fromkeys(FOREIGN_HOSTS[:3], False)
        for (host, a), (origin, b), (shown, c), (method, d) in product(
            hosts.items(), ORIGINS.items(), CREDENTIALS.items(), METHODS.items()
        ):
            headers = {"Host": host, "Origin": origin, "Authorization": shown.encode("latin-1")}
            response = self.ask(
                "/api/meta", method, headers={name: value for name, value in headers.items() if value}
            )
            wanted = (
                421
                if not a
                else 403
                if not b
                else 405
                if not d
                else 401
                if not c
                else 204
                if method == "OPTIONS"
                else 200
            )
            self.assertEqual(response.code, wanted, (host, origin, shown, method))
            shared = response.headers.getRawHeaders("access-control-allow-origin")
            self.assertEqual(shared, [FRIEND] if origin == FRIEND else None)

    def test_every_path_is_guarded(self) -> None:
        """No path is open, whether it exists or not."""
        for path in (
            "/",
            "/api/health",
            "/api/stream",
            "/metrics",
            "/openapi.json",
            "/api/x",
            "/favicon.ico",
            "/%61pi/health",
        ):
            self.assertEqual(self.ask(path).code, 401, path)
            self.assertEqual(self.ask(path, headers={"Host": "evil.example"}).code, 421, path)

    def test_every_answer_carries_the_headers(self) -> None:
        """Errors too are secured, and nothing says what the server is made with."""
        for keywords in (
            {},
            {"headers": {"Host": "evil.example"}},
            {"headers": {"Authorization": f"Bearer {TOKEN}"}},
        ):
            response = self.ask("/api/health", **keywords)
            for name, value in SECURITY.items():
                self.assertEqual(response.headers.getRawHeaders(name), [value])
            self.assertIsNone(response.headers.getRawHeaders("server"))

    def test_preflight(self) -> None:
        """A page of the allowed origin may ask first without the token; another may not."""
        headers = {"Origin": FRIEND, "Access-Control-Request-Method": "GET"}
        response = self.ask("/api/health", "OPTIONS", headers=headers)
        self.assertEqual(response.code, 204)
        self.assertEqual(
            response.headers.getRawHeaders("access-control-allow-headers"), ["authorization, last-event-id"]
        )
        self.assertIsNone(response.headers.getRawHeaders("access-control-allow-credentials"))
        self.assertEqual(self.ask("/api/health", "OPTIONS", headers={**headers, "Origin": "https://x"}).code, 403)


class SameUserTests(ApiCase):
    """On loopback, whose socket asks decides; who is not known to be this user shows the token or a key."""

    def setUp(self) -> None:
        self.guard = Guard(frozenset({PORT}), token=TOKEN, same_user=True)
        self.now = 1_000_000.0
        self.keys = KeyRing(TOKEN, "run", lambda: self.now)
        self.is_same_user = False
        self.serve(self.guard, keys=self.keys)
        HTTPChannel.is_same_user = property(lambda _: self.is_same_user)
        self.addCleanup(delattr, HTTPChannel, "is_same_user")

    def key(self, **changed: Any) -> str:
        return make_key(**{"token": TOKEN, "run": "run", "now": self.now} | changed)

    def test_this_user_is_answered(self) -> None:
        self.is_same_user = True
        self.assertEqual(self.ask("/api/meta").code, 200)

    def test_others_are_not(self) -> None:
        """Neither the API, nor pages, nor live events."""
        for path in ("/api/meta", "/", "/api/stream", "/metrics", "/openapi.json", "/api/health"):
            self.assertEqual(self.ask(path).code, 401, path)

    def test_others_may_show_the_token(self) -> None:
        self.assertEqual(self.ask("/api/meta", headers={"Authorization": f"Bearer {TOKEN}"}).code, 200)

    def test_pages_of_other_origins_gain_nothing_from_the_user(self) -> None:
        self.is_same_user = True
        self.assertEqual(self.ask("/api/meta", headers={"Origin": "https://evil.example"}).code, 403)

    def test_key_opens_once(self) -> None:
        key = self.key()
        response = self.ask(f"/sessions?key={key}&q=1")
        self.assertEqual((response.code, response.headers.getRawHeaders("location")), (303, ["/sessions?q=1"]))
        cookie = response.headers.getRawHeaders("set-cookie")[0].partition(";")[0]
        self.assertEqual(self.ask("/api/meta", headers={"Cookie": cookie}).code, 200)
        self.serve(self.guard, keys=self.keys)  # another browser, without the cookie
        self.assertEqual(self.ask(f"/?key={key}").code, 401)

    def test_keys_that_are_no_good(self) -> None:
        late = self.key(now=self.now - LIFE)
        for key in (late, self.key(run="other"), self.key(token="x"), self.key() + "0", "", "..", "1.2.3", "\u00e9"):
            self.assertEqual(self.ask(f"/?key={quote(key)}").code, 401, key)

    def test_key_does_not_open_to_foreign_pages_and_is_not_used_up_by_them(self) -> None:
        key = self.key()
        self.assertEqual(self.ask(f"/?key={key}", headers={"Origin": "https://evil.example"}).code, 403)
        self.assertEqual(self.ask(f"/?key={key}", headers={"Host": "evil.example"}).code, 421)
        self.assertEqual(self.ask(f"/?key={key}").code, 303)

    def test_without_a_token_nobody_else_is_answered(self) -> None:
        """Where the token's file cannot be used, others are refused rather than trusted."""
        self.serve(Guard(frozenset({PORT}), token=None, same_user=True))
        self.assertEqual(self.ask("/api/meta").code, 401)
        self.assertEqual(self.ask("/api/meta", headers={"Authorization": "Bearer "}).code, 401)
        self.is_same_user = True
        self.assertEqual(self.ask("/api/meta").code, 200)


class CookieTests(ApiCase):
    """The token in a URL becomes a cookie."""

    def setUp(self) -> None:
        self.guard = Guard(frozenset({PORT}), token=TOKEN)
        self.serve(self.guard)

    def test_redirected_with_a_cookie(self) -> None:
        """The URL is left for one without the token, and the cookie opens the rest."""
        response = self.ask(f"/api/requests?q=a%20b&token={TOKEN}&limit=5")
        self.assertEqual(response.code, 303)
        self.assertEqual(response.headers.getRawHeaders("location"), ["/api/requests?q=a+b&limit=5"])
        cookie = response.headers.getRawHeaders("set-cookie")[0]
        self.assertIn("; HttpOnly; SameSite=Strict", cookie)
        self.assertNotIn(TOKEN, cookie)
        pair = cookie.partition(";")[0]
        self.assertEqual(self.ask("/api/meta", headers={"Cookie": f"other=1; {pair}"}).code, 200)
        self.assertEqual(self.ask("/api/meta", headers={"Cookie": pair[:-1]}).code, 401)
        self.assertEqual(self.ask("/api/meta", headers={"Cookie": f"{self.guard.cookie_name}={TOKEN}"}).code, 401)

    def test_wrong_token_sets_nothing(self) -> None:
        """A wrong token is no token."""
        response = self.ask("/?token=wrong")
        self.assertEqual((response.code, response.headers.getRawHeaders("set-cookie")), (401, None))

    def test_token_does_not_open_to_foreign_pages(self) -> None:
        """The token in the URL does not make up for a wrong Host or Origin."""
        self.assertEqual(self.ask(f"/?token={TOKEN}", headers={"Host": "evil.example"}).code, 421)
        self.assertEqual(self.ask(f"/?token={TOKEN}", headers={"Origin": "https://evil.example"}).code, 403)
        self.assertEqual(self.ask(f"/api/meta?token={TOKEN}", "POST").code, 405)

    def test_never_sent_elsewhere(self) -> None:
        """The redirect stays on this host, however the path begins."""
        for path in ("//evil.example/", "/\\evil.example/", "///evil.example"):
            request = FakeRequest(f"{path}?token={TOKEN}".encode())
            location = without_secrets(request)  # type: ignore[arg-type]
            self.assertTrue(location.startswith("/evil.example"), location)


class FakeRequest:
    """A request that has a target only."""

    def __init__(self, uri: bytes) -> None:
        self.uri = uri


class GuardTests(SynchronousTestCase):
    """The rules themselves."""

    def refusal(self, guard: Guard, **asked: Any) -> int | None:
        """Return the status with which a request is refused, None when it is not."""
        try:
            guard.check(RequestFacts(**{"method": "GET", "hosts": [f"localhost:{PORT}"], **asked}))
        except Refused as refused:
            return int(refused.status)
        return None

    def test_hosts(self) -> None:
        """Own names with the own port are answered, everything else is misdirected."""
        guard = Guard(frozenset({PORT}), frozenset({"desk.example"}))
        for host in OWN_HOSTS:
            self.assertIsNone(self.refusal(guard, hosts=[host]), host)
        for host in FOREIGN_HOSTS:
            self.assertEqual(self.refusal(guard, hosts=[host]), 421, host)
        self.assertEqual(self.refusal(guard, hosts=[]), 400)
        self.assertEqual(self.refusal(guard, hosts=OWN_HOSTS[:2]), 400)

    def test_addresses_of_a_wildcard_listener(self) -> None:
        """Who listens everywhere is asked by any address, but by no name that could be rebound."""
        guard = Guard(frozenset({PORT}), any_address=True, token=TOKEN)
        shown = f"Bearer {TOKEN}"
        self.assertIsNone(self.refusal(guard, hosts=[f"10.0.0.1:{PORT}"], authorization=shown))
        self.assertEqual(self.refusal(guard, hosts=[f"evil.example:{PORT}"], authorization=shown), 421)

    def test_default_port_may_be_left_out(self) -> None:
        """On port 80 Host has no port."""
        self.assertIsNone(self.refusal(Guard(frozenset({80})), hosts=["localhost"]))

    def test_own_pages(self) -> None:
        """Our own pages send our own origin."""
        guard = Guard(frozenset({PORT}))
        self.assertIsNone(self.refusal(guard, origins=[f"http://localhost:{PORT}"], fetch_site="same-origin"))
        self.assertEqual(self.refusal(guard, origins=[f"http://127.0.0.1:{PORT}"]), 403)
        self.assertEqual(self.refusal(guard, origins=[f"http://localhost:{PORT}"] * 2), 403)

    def test_embedding(self) -> None:
        """Another page may link to us, but not load anything of ours."""
        guard = Guard(frozenset({PORT}))
        for site in ("cross-site", "same-site"):
            self.assertEqual(self.refusal(guard, fetch_site=site, fetch_mode="no-cors"), 403)
            self.assertIsNone(self.refusal(guard, fetch_site=site, fetch_mode="navigate"))
        self.assertIsNone(self.refusal(guard, fetch_site="none", fetch_mode="navigate"))

    def test_token_is_not_shown(self) -> None:
        """The token is in no representation."""
        self.assertNotIn(TOKEN, repr(Guard(frozenset(), token=TOKEN)))

    def test_loopback(self) -> None:
        """What only this machine reaches."""
        for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost", ""):
            self.assertTrue(is_loopback(host), host)
        for host in ("0.0.0.0", "::", "10.0.0.1", "desk.example"):
            self.assertFalse(is_loopback(host), host)


class TokenFileTests(SynchronousTestCase):
    """The token's file."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())

    def test_made_once_for_the_owner_only(self) -> None:
        """The file is made 0600 whatever the umask, with 256 random bits, and read the next time."""
        before = os.umask(0)
        try:
            token = read_or_make(self.path)
        finally:
            os.umask(before)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.assertGreaterEqual(len(token), 43)
        self.assertEqual(read_or_make(self.path), token)

    def test_refused(self) -> None:
        """A file that others read, that is too short, that is a directory or nowhere is refused with its name."""
        self.path.write_text("x" * 43)
        self.path.chmod(0o644)
        short, missing = Path(self.mktemp()), Path(self.mktemp()) / "x"
        short.touch(0o600)
        for path in (self.path, short, Path("."), missing):
            self.assertIn(str(path), str(self.assertRaises(TokenError, read_or_make, path)))

    def test_a_full_disk(self) -> None:
        """It takes the file's name and no byte: nothing is left that a later start would refuse."""
        opened = os.open

        def full(path: Any, flags: int, mode: int = 0o777) -> int:
            os.close(opened(path, flags, mode))
            return opened("/dev/full", os.O_WRONLY)

        self.patch(os, "open", full)
        self.assertIn("No space left", str(self.assertRaises(TokenError, read_or_make, self.path)))
        self.assertFalse(self.path.exists())

    def test_errors_are_json(self) -> None:
        """Nothing of the token is in an error."""
        self.path.write_text("secret short")
        self.path.chmod(0o600)
        self.assertNotIn("secret", json.dumps(str(self.assertRaises(TokenError, read_or_make, self.path))))
