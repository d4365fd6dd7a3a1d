"""Captured text that wants to run: 200 texts in every place that a client or an upstream can fill."""

from typing import Any
from urllib.parse import urlencode

from test.browser import stories
from test.browser.chrome import BrowserTestCase, expect, not_wanted
from test.browser.hostile import payloads
from test.browser.scene import Scene

COUNT = 200
FIELDS = ("q", "model", "session", "outcome", "since", "before", "cwd", "tool", "nonsense")
#: Texts of one exchange, and the pages that it is shown on.
TOGETHER = 8
CALL_PAGES = (
    *(f"view={view}" for view in ("overview", "request", "response", "headers", "raw")),
    "view=request&all=1&q=script",
    "part=beside",
)
#: What a reader does on a page (unfold, point at, put the focus in), and what no captured text may have caused: code
#: that ran, breaches of the policy, elements beside the page's own, and links to anything but pages.
JUDGE = """() => {
  document.querySelectorAll('details').forEach((each) => (each.open = true));
  for (const each of document.querySelectorAll('main *')) {
    each.dispatchEvent(new MouseEvent('mouseover', { bubbles: true }));
    if (each.tabIndex >= 0) each.focus({ preventScroll: true });
  }
  const made = document.querySelectorAll(
    "script:not([src]), style, iframe, object, embed, base, meta[http-equiv], [onerror], [onload], [style]");
  const links = [...document.querySelectorAll('a[href], form[action], img[src]:not([src^="data:image/png;base64,"])')]
    .map((each) => each.getAttribute('href') || each.getAttribute('action') || each.getAttribute('src'))
    .filter((each) => !['http:', 'https:'].includes(new URL(each, location).protocol));
  return [...__ran, ...__violations, ...[...made].map((each) => each.outerHTML), ...links];
}"""


class HostileTests(BrowserTestCase):
    """Nothing that was captured runs or makes elements."""

    skip = not_wanted()

    def harmless(self, page: Any, path: str) -> None:
        """Open a page, use it, and look at what happened."""
        page.goto(path)
        self.judge(page)

    def judge(self, page: Any) -> None:
        """Use a page and look at what happened."""
        self.assertEqual(page.evaluate(JUDGE), [], page.url)

    def test_every_page(self) -> None:
        """All views of hostile exchanges, their sessions, and the lists.

        Several texts share an exchange, whose pages show all of them at once: that is what lets it end in time.
        """
        scene = self.own_scene()
        texts = list(payloads(COUNT))
        self.assertEqual(len({payload.text for payload in texts}), COUNT)
        groups = [texts[first : first + TOGETHER] for first in range(0, COUNT, TOGETHER)]
        for number, group in enumerate(groups):
            scene.send(stories.hostile_call(group, f"hostile-{number}"))
        scene.until(lambda: scene.count() >= len(groups), "the records")
        page = self.watched(scene.api).page()
        for number in range(len(groups)):
            sid = f"hostile-{number}"
            for path in (
                *(f"/x/{sid}/1?{query}" for query in CALL_PAGES),
                *(f"/s/{sid}", f"/s/{sid}?view=costs", f"/s/{sid}?call=1", f"/s/{sid}?part=fresh&since=0"),
                *(f"/calls?q=alert&sel={sid}/1", f"/sessions?sel={sid}"),
                f"/diff?a=hostile-{number - 1}/1&b={sid}/1" if number else f"/diff?b={sid}/1",
            ):
                self.harmless(page, scene.api + path)
        self.lists(scene, page)

    def test_errors_and_live_rows(self) -> None:
        """Errors, session names and targets that are hostile, seen while they come in and afterwards."""
        scene = self.own_scene()
        watched = self.watched(scene.api)
        page = watched.page()
        expect(page.locator("#live")).to_have_text("live")
        for payload in payloads(COUNT):
            scene.send(stories.hostile_error(payload))
        scene.until(lambda: scene.count() >= COUNT, "the records")
        page.get_by_test_id("row").nth(COUNT // 2).wait_for()
        self.judge(page)
        for item in scene.requests()[::4]:
            self.harmless(page, f"{scene.api}/x/{item['session_id']}/{item['seq']}")
        self.lists(scene, page)
        watched.expected = ("400",)
        self.said_back(scene, page)

    def lists(self, scene: Scene, page: Any) -> None:
        """Open all pages of the list, and the lists of other things."""
        more = "limit=60"
        while more:
            self.harmless(page, f"{scene.api}/calls?{more}")
            before = scene.get(f"/api/requests?{more}")["next"]
            more = f"limit=60&before={before}" if before else ""
        for path in ("/sessions", "/overview", "/overview?span=all&by=tool", "/leaks", "/prompts", "/health"):
            self.harmless(page, scene.api + path)

    def said_back(self, scene: Scene, page: Any) -> None:
        """Open what searches and filters write back into the page."""
        for number, payload in enumerate(payloads(COUNT)):
            name = FIELDS[number % len(FIELDS)]
            self.harmless(page, f"{scene.api}/calls?{urlencode({name: payload.text})}")
