"""Who may come in: rebinding and foreign pages are kept out, the token lets in."""

import re
import urllib.parse
from typing import Any

from test.browser.chrome import BrowserTestCase, chromium, expect, expecting, not_wanted
from test.browser.mock_upstream import MockUpstream, Reply

FETCH = """async (url) => {
  try { const answer = await fetch(url); return [answer.status, await answer.text()]; }
  catch (error) { return [0, String(error)]; }
}"""


class DoorTests(BrowserTestCase):
    """Pages of others, and readers beyond this machine."""

    skip = not_wanted()

    def test_rebound_name(self) -> None:
        """A page whose name was rebound to loopback is answered 421 and reads nothing."""
        port = urllib.parse.urlsplit(self.scene().api).port
        browser = chromium("--host-resolver-rules=MAP evil.example 127.0.0.1")
        watched = self.watched(f"http://evil.example:{port}", browser=browser)
        # The browser also says that names without TLS get no isolation of their own.
        watched.expected = ("421", "Cross-Origin-Opener-Policy")
        page = watched.page("/")
        self.assertNotIn("header parser", page.content())
        for path in ("/api/requests", "/api/sessions", "/api/health", "/", "/api/stream", "/openapi.json"):
            status, text = page.evaluate(FETCH, path)
            self.assertEqual(status, 421, path)
            self.assertIn("misdirected_request", text)

    def test_page_of_another_origin(self) -> None:
        """A page of another site can neither read the API nor frame the dashboard."""
        foreign = MockUpstream()
        self.addCleanup(foreign.close)
        for _ in range(2):
            foreign.replies.put(Reply((b"<!DOCTYPE html><title>Other</title><h1>Other</h1>",), "text/html"))
        watched = self.watched(foreign.url)
        watched.expected = ("",)
        page = watched.page("/")
        for path in ("/api/requests", "/api/stream", "/"):
            status, text = page.evaluate(FETCH, self.scene().api + path)
            self.assertEqual((status, "parser" in text), (0, False), path)
        framed = page.evaluate(
            """(url) => new Promise((done) => {
                const frame = document.createElement('iframe');
                frame.onload = () => { try { done(frame.contentDocument === null); } catch { done(true); } };
                frame.src = url; document.body.append(frame); })""",
            self.scene().api + "/",
        )
        self.assertTrue(framed)
        self.assertFalse(any("header parser" in self.text_of(frame) for frame in page.frames))
        watched.foreign.clear()

    def text_of(self, frame: Any) -> str:
        """Return what a frame shows."""
        try:
            return str(frame.content())
        except Exception as error:
            return str(error)

    def test_token(self) -> None:
        """Beyond loopback nothing is shown without the token; after its first use a cookie stands for it."""
        scene = self.own_scene("--api-listen", "tcp:0:interface=0.0.0.0")
        port = urllib.parse.urlsplit(scene.api).port
        home = f"http://127.0.0.1:{port}"
        token = (scene.data_dir / "api-token").read_text().strip()
        watched = self.watched(home)
        watched.expected = ("401",)
        page = watched.page("/")
        self.assertEqual(page.get_by_role("heading", name="Sessions").count(), 0)
        self.assertEqual(page.evaluate(FETCH, "/api/health")[0], 401)
        page.goto(f"{home}/?token={token}")
        expect(page.locator("main h1")).to_have_text("Sessions")
        self.assertEqual(page.url, f"{home}/")
        watched.expected = ()
        (cookie,) = watched.context.cookies()
        self.assertEqual((cookie["httpOnly"], cookie["sameSite"]), (True, "Strict"))
        self.assertNotIn(token, str(cookie))
        expect(page.locator("#live")).to_have_text("live")
        page.goto(f"{home}/calls")
        expect(page.locator("main h1")).to_be_visible()
        with expecting(watched, "401"):
            other = self.watched(home)
            other.expected = ("401",)
            self.assertEqual(other.context.request.get(f"{home}/?token=wrong").status, 401)
        self.assertFalse(re.search(re.escape(token), (scene.home / "log").read_text()))
