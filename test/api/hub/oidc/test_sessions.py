"""Sessions: cookies that cannot be changed, have their time, and end with a log-out."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.api.hub.access import Visitor
from ccsproxy.api.hub.oidc.sessions import LOGIN_TIME, Login, LoginSessions, path_back, visitor_of
from ccsproxy.api.hub.oidc.signed import Signer
from ccsproxy.api.hub.oidc.tokens import TokenRefused

KEY = bytes(range(32))


class SessionTests(SynchronousTestCase):
    """One hub's sessions."""

    def setUp(self) -> None:
        self.now = 1000.0
        self.sessions = self.made()

    def made(self, key: bytes = KEY, secure: bool = True) -> LoginSessions:
        def clock() -> float:
            return self.now

        return LoginSessions(Signer(key, clock), clock, 60.0, secure)

    def cookie(self, said: str) -> list[bytes]:
        """Return what a browser sends for a ``Set-Cookie``, beside another's cookie."""
        return [b"other=1; " + said.partition(";")[0].encode()]

    def test_attributes(self) -> None:
        """Scripts do not see them, other sites do not send them, and by TLS they go by TLS alone."""
        said = self.sessions.begin(Visitor("ann"))
        for word in ("__Host-", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/;", "; Max-Age=60"):
            self.assertIn(word, said)
        plain = self.made(secure=False).begin(Visitor("ann"))
        self.assertNotIn("Secure", plain)
        self.assertNotIn("__Host-", plain)

    def test_life(self) -> None:
        """It lasts its time whatever happens, in another hub with the same key too, and not with another key."""
        visitor = Visitor("änn@example.com", ("a", "b"))
        cookie = self.cookie(self.sessions.begin(visitor))
        self.assertEqual(self.sessions.visitor(cookie), visitor)
        self.assertEqual(self.made().visitor(cookie), visitor)
        self.assertIsNone(self.made(bytes(32)).visitor(cookie))
        self.now += 59
        self.assertEqual(self.sessions.visitor(cookie), visitor)
        self.now += 1
        self.assertIsNone(self.sessions.visitor(cookie))

    def test_changed(self) -> None:
        """Whatever byte is another, nobody is known; nor by a login's cookie, nor by rubbish."""
        said = self.cookie(self.sessions.begin(Visitor("ann")))[0]
        for place in range(said.index(b"__Host-ccsproxy=") + 16, len(said)):
            for other in (b"A", b"B"):
                changed = said[:place] + other + said[place + 1 :]
                self.assertTrue(changed == said or self.sessions.visitor([changed]) is None, place)
        login = self.sessions.keep_login(Login.begin("/")).partition(";")[0].partition("=")[2]
        for value in (login, "", ".", "x.y", "é", "x" * 5000):
            self.assertIsNone(self.sessions.visitor([f"__Host-ccsproxy={value}".encode()]), value)
        self.assertIsNone(self.sessions.visitor([]))

    def test_log_out(self) -> None:
        """A copy of the cookie is worth nothing afterwards; other sessions go on, and old ends are forgotten."""
        one, two = (self.cookie(self.sessions.begin(Visitor("ann"))) for _ in range(2))
        self.assertIn("Max-Age=0", self.sessions.end(one))
        self.assertIsNone(self.sessions.visitor(one))
        self.assertEqual(self.sessions.visitor(two), Visitor("ann"))
        self.now += 61
        self.sessions.end(self.cookie(self.sessions.begin(Visitor("ann"))))
        self.assertEqual(len(self.sessions._revoked._until), 1)

    def test_too_much(self) -> None:
        """What a browser would drop without a word is refused with some."""
        self.assertRaises(TokenRefused, self.sessions.begin, Visitor("ann", ("x" * 4000,)))

    def test_logins(self) -> None:
        """Several are under way at once; each in the browser that has begun it, by its state, for ten minutes."""
        one, two = Login.begin("/a"), Login.begin("/b")
        cookies = [b"; ".join(self.cookie(self.sessions.keep_login(each))[0] for each in (one, two))]
        self.assertEqual([self.sessions.login(cookies, each.state) for each in (one, two)], [one, two])
        for state in ("", "x", one.state[:-1], one.state + "x"):
            self.assertIsNone(self.sessions.login(cookies, state))
        self.assertIsNone(self.sessions.login([], one.state))
        self.now += LOGIN_TIME
        self.assertIsNone(self.sessions.login(cookies, one.state))


class VisitorTests(SynchronousTestCase):
    """Whom claims are about, and where they go."""

    def test_claims(self) -> None:
        """Groups that no role names are left out; who is not named, or not verified, is nobody."""
        claims = {"email": "a@example.com", "groups": ["x", "staff", 7], "name": "Ann", "team": "staff"}
        self.assertEqual(visitor_of(claims, "email", "groups", ["staff", "q"]), Visitor("a@example.com", ("staff",)))
        self.assertEqual(visitor_of(claims, "name", "team", ["staff"]), Visitor("Ann", ("staff",)))
        self.assertEqual(visitor_of(claims, "name", "missing", ["staff"]), Visitor("Ann"))
        for wrong in ({}, {"email": ""}, {"email": 7}, {"email": "a\n"[1:]}, {"email": "a", "email_verified": False}):
            self.assertRaises(TokenRefused, visitor_of, wrong, "email", "groups", [])

    def test_back(self) -> None:
        """A path of ours, whatever is asked for."""
        for path in ("/", "/calls?q=a%20b", "/s/x#y"):
            self.assertEqual(path_back(path), path)
        for path in ("", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nb", "/\t/x",
                     "/oidc/login", "/" + "x" * 2000):  # fmt: skip
            self.assertEqual(path_back(path), "/", path)
