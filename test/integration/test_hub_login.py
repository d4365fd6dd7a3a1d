"""People log in to a hub by OpenID Connect, at a mock provider that has keys of its own."""

import http.client
import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from ccsproxy.tools.main import main
from test.api.hub.oidc.mock_provider import MockProvider, SigningKey
from test.integration.test_hub import HubTestCase

ROLES = 'default = "own"\n[groups]\nleads = "all"\nsearch = { role = "team", team = "search" }\n'
SECRET = "synthetic secret/of a test"


class Browser:
    """Keeps cookies by path, and follows nothing by itself."""

    def __init__(self, url: str) -> None:
        self.move(url)
        self.cookies: dict[str, tuple[str, str]] = {}
        self.set: list[str] = []

    def move(self, url: str) -> None:
        """Go on at another port: cookies know none."""
        self._place = urlsplit(url).netloc

    def ask(self, target: str, method: str = "GET", **headers: str) -> tuple[int, str, str]:
        """Return status, place to go on at, and text."""
        connection = http.client.HTTPConnection(self._place, timeout=60)
        path = target.partition("?")[0]
        sent = [f"{name}={value}" for name, (value, under) in self.cookies.items() if path.startswith(under)]
        connection.request(method, target, headers={**({"Cookie": "; ".join(sent)} if sent else {}), **headers})
        answer = connection.getresponse()
        text = answer.read().decode()
        self.set = answer.headers.get_all("Set-Cookie", [])
        for said in self.set:
            pair, *attributes = said.split("; ")
            name, _, value = pair.partition("=")
            self.cookies[name] = value, next(each for each in attributes if each.startswith("Path="))[5:]
            if "Max-Age=0" in attributes:
                del self.cookies[name]
        connection.close()
        return answer.status, answer.headers.get("Location", ""), text

    def log_in(self, provider: MockProvider, target: str = "/", **changed: str) -> tuple[int, str, str]:
        """Ask for a page, go where that leads, and come back."""
        status, place, _ = self.ask(target)
        assert status == 303, status
        status, place, text = self.ask(place)
        return self.ask(self.path(provider.consent(place, **changed))) if status == 303 else (status, place, text)

    def path(self, url: str) -> str:
        parts = urlsplit(url)
        assert parts.netloc == self._place, url
        return f"{parts.path}?{parts.query}"


class LoginTests(HubTestCase):
    """One hub, one provider."""

    def setUp(self) -> None:
        super().setUp()
        self.provider = MockProvider("hub", SECRET)
        self.addCleanup(self.provider.close)
        self.audit, roles, secret = (Path(self.mktemp()).absolute() for _ in range(3))
        roles.write_text(ROLES)
        secret.write_text(SECRET + "\n")
        secret.chmod(0o600)
        self.options = (
            "--oidc-issuer", self.provider.issuer, "--oidc-client-id", "hub", "--oidc-secret-file", str(secret),
            "--roles", str(roles), "--audit", str(self.audit),
        )  # fmt: skip

    def open(self, *more: str) -> Browser:
        self.start(*self.options, *more)
        return Browser(self.url)

    def seen(self, browser: Browser) -> set[str]:
        """Return whose calls somebody sees."""
        status, _, text = browser.ask("/api/requests?limit=1000")
        self.assertEqual(status, 200)
        listed = {each["id"] for each in json.loads(text)["requests"]}
        return {str(each["labels"].get("user")) for each in self.made if each["id"] in listed}

    def test_log_in_and_out(self) -> None:
        """Pages lead to the provider and back to where one was; the group's role counts; a log-out is for good."""
        browser = self.open()
        self.provider.claims = {"email": "boss@example.com", "groups": ["leads", "others"]}
        status, _, text = browser.ask("/api/requests")
        self.assertEqual((status, json.loads(text)["error"]["type"]), (401, "login_required"))
        self.assertEqual(browser.log_in(self.provider, "/calls?q=errors%3Ayes")[:2], (303, "/calls?q=errors%3Ayes"))
        session, gone = browser.set
        for word in ("HttpOnly", "SameSite=Lax", "Max-Age=28800", "Path=/"):
            self.assertIn(word, session.split("; "))
        self.assertIn("Max-Age=0", gone)
        self.assertEqual(browser.ask("/calls?q=errors%3Ayes")[0], 200)
        self.assertEqual(self.seen(browser), {str(each["labels"].get("user")) for each in self.made})
        self.assertIn("boss@example.com", browser.ask("/oidc/logout")[2])
        copy = dict(browser.cookies)
        self.assertEqual(browser.ask("/oidc/logout", "POST")[:2], (303, "/oidc/logout"))
        self.assertIn(self.provider.issuer + "/logout?client_id=hub", browser.ask("/oidc/logout")[2])
        browser.cookies = copy
        self.assertEqual(browser.ask("/api/requests")[0], 401)
        noted = [json.loads(line) for line in self.audit.read_text().splitlines()]
        self.assertIn(
            ("boss@example.com", "all", "/calls?q=errors%3Ayes"), [(n["who"], n["role"], n["target"]) for n in noted]
        )
        self.assertFalse([each for each in noted if "code" in each["target"]])

    def test_own(self) -> None:
        """Who is in no group sees what is labelled with their name, and one browser's login is not another's."""
        browser, other = self.open("--oidc-person-claim", "login"), Browser(self.url)
        self.provider.claims = {"login": "u1"}
        self.assertEqual(browser.log_in(self.provider)[:2], (303, "/"))
        self.assertEqual(self.seen(browser), {"u1"})
        self.assertEqual(other.ask("/api/requests")[0], 401)

    def test_odd_answers(self) -> None:
        """Of another login, a second time, of another provider, refused, or without a code: one sentence each."""
        browser = self.open()
        _, place, _ = browser.ask("/oidc/login?back=//evil.example")
        back = browser.path(self.provider.consent(place))
        for path, words in (
            (back.replace("state=", "state=x"), "started in another browser"),
            (back.replace("iss=", "iss=x"), "another provider"),
            ("/oidc/callback", "started in another browser"),
            (browser.path(self.provider.consent(place, code="", error="access_denied")), "access_denied"),
        ):
            status, _, text = browser.ask(path)
            self.assertIn(status, (400, 403), path)
            self.assertIn(words, text)
        self.assertIn("started in another browser", Browser(self.url).ask(back)[2])
        self.assertEqual(browser.ask(back)[:2], (303, "/"))
        status, _, text = browser.ask(back)
        self.assertEqual(status, 400)
        self.assertIn("started in another browser", text)
        self.assertEqual(browser.ask("/oidc/nothing")[0], 404)

    def test_tokens(self) -> None:
        """One that has expired, names nobody, is another's: a sentence and no session; a right one is taken then."""
        browser = self.open()
        for odd, words in (
            ({"exp": 1000}, "has expired"),
            ({"nonce": "x"}, "another login"),
            ({"aud": "x"}, "another client"),
            ({"email": None}, "--oidc-person-claim"),
            ({"email_verified": False}, "not verified"),
        ):
            self.provider.odd = odd
            status, _, text = browser.log_in(self.provider)
            self.assertEqual(status, 403)
            self.assertIn(words, text)
            self.assertNotIn("Traceback", text)
            self.assertEqual(browser.ask("/api/requests")[0], 401)
        self.provider.odd = {}
        self.assertEqual(browser.log_in(self.provider)[0], 303)

    def test_keys_change(self) -> None:
        """A new key is asked for when a token names it; one that nobody publishes is refused, and asked for once."""
        browser, stranger = self.open(), SigningKey("9", "RS256")
        self.assertEqual(browser.log_in(self.provider)[0], 303)
        self.provider.keys, self.provider.published = [stranger], []
        fetched = self.provider.asked.count(("GET", "/keys"))
        again = Browser(self.url)
        for _ in range(3):
            self.assertIn("does not publish", again.log_in(self.provider)[2])
        self.assertLessEqual(self.provider.asked.count(("GET", "/keys")), fetched + 1)
        self.end_and_start()
        self.provider.keys, self.provider.published = [SigningKey("2")], None
        again = Browser(self.url)
        self.assertEqual(again.log_in(self.provider)[0], 303)

    def end_and_start(self) -> None:
        """Start the hub again."""
        self.end()
        self.start(*self.options)

    def test_provider_in_trouble(self) -> None:
        """It fails, says rubbish, sends elsewhere, or is not there: one sentence each; the hub and sessions go on."""
        browser = self.open()
        self.assertEqual(browser.log_in(self.provider)[0], 303)
        self.end_and_start()
        for trouble, words in (
            ((500, b"<h1>oh</h1>"), "status 500"),
            ((200, b"[]"), "status 200"),
            ((302, b""), "status 302"),
            ((400, b'{"error":"odd_request"}'), "odd_request"),
            ((200, b'{"issuer":"https://evil.example"}'), "another issuer"),
            ((200, b" " * (2 << 20)), "too large"),
        ):
            self.provider.trouble = trouble
            self.until(lambda words=words: words in Browser(self.url).log_in(self.provider)[2])
        self.provider.trouble = None
        self.until(lambda: Browser(self.url).log_in(self.provider)[0] == 303)
        self.provider.close()
        self.end_and_start()
        status, _, text = Browser(self.url).log_in(self.provider)
        self.assertEqual(status, 502)
        self.assertIn("refused", text)

    def until(self, condition: Callable[[], bool]) -> None:
        """Try until something holds: for two seconds a provider in trouble is not asked again."""
        late = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), late)
            time.sleep(0.2)

    def test_life(self) -> None:
        """A session ends with its time; with a key in a file it outlasts the hub."""
        key = Path(self.mktemp()).absolute()
        key.write_bytes(bytes(range(40)))
        key.chmod(0o600)
        self.options += ("--session-key-file", str(key))
        browser = self.open()
        self.assertEqual(browser.log_in(self.provider)[0], 303)
        self.end_and_start()
        browser.move(self.url)
        self.assertEqual(browser.ask("/api/requests")[0], 200)
        self.assertIn('href="/oidc/logout"', browser.ask("/calls")[2])
        copy = dict(browser.cookies)
        self.assertEqual(browser.ask("/oidc/logout", "POST")[0], 303)
        self.end_and_start()
        browser.move(self.url)
        browser.cookies = copy
        self.assertEqual(browser.ask("/api/requests")[0], 401)
        self.end()
        self.start(*self.options, "--session-hours", "0.0005")
        browser = Browser(self.url)
        self.assertEqual(browser.log_in(self.provider)[0], 303)
        self.until(lambda: browser.ask("/api/requests")[0] == 401)
        self.assertEqual(browser.ask("/calls")[0], 303)

    def test_mistakes(self) -> None:
        """Each is one sentence: options that do not go together, files that others may read."""
        open_file = Path(self.mktemp()).absolute()
        open_file.write_text("x" * 40)
        open_file.chmod(0o644)
        issuer = ["--oidc-issuer", self.provider.issuer]
        said = io.StringIO()
        self.patch(sys, "stderr", said)
        for options, words in (
            (["--oidc-client-id", "x"], "--oidc-issuer"),
            (issuer, "--oidc-client-id"),
            ([*issuer, "--oidc-client-id", "x", "--auth-header", "X"], "--auth-header"),
            (["--oidc-issuer", "http://id.example", "--oidc-client-id", "x"], "https"),
            ([*issuer, "--oidc-client-id", "x", "--session-hours", "999"], "168"),
            ([*issuer, "--oidc-client-id", "x", "--oidc-secret-file", str(open_file)], "chmod 600"),
            ([*issuer, "--oidc-client-id", "x", "--session-key-file", str(open_file)], "chmod 600"),
            ([*issuer, "--oidc-client-id", "x", "--public-url", "http://hub.example"], "--public-url"),
        ):
            said.seek(0)
            said.truncate()
            self.assertEqual(main(["hub", "--from", self.source, "--api-port", "0", *options]), 1)
            self.assertIn(words, said.getvalue().splitlines()[-1])
            self.assertNotIn("Traceback", said.getvalue())
