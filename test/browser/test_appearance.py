"""Both themes, phone width, and what axe-core finds."""

import functools
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from test.browser.chrome import PHONE, BrowserTestCase, not_wanted

#: Every page there is, with the longest content that the captures have.
PAGES = (
    "/calls",
    "/calls?q=parser",
    "/calls?q=sort:-cost&sel=5f1d8a52-claude/3",
    "/calls?q=nothing+like+this",
    "/sessions",
    "/sessions?sel=5f1d8a52-claude",
    "/s/5f1d8a52-claude",
    "/s/5f1d8a52-claude?view=costs",
    "/s/5f1d8a52-claude?view=calls",
    "/s/5f1d8a52-claude?call=3",
    "/overview",
    "/overview?span=all&by=tool",
    "/leaks",
    "/prompts",
    "/health",
    "/diff?b=5f1d8a52-claude/3",
    "/diff/5f1d8a52-claude/2/3",
    "/x/5f1d8a52-claude/3",
    "/x/5f1d8a52-claude/3?view=request",
    "/x/5f1d8a52-claude/3?view=response",
    "/x/5f1d8a52-claude/3?view=headers",
    "/x/5f1d8a52-claude/3?view=raw",
    "/x/5f1d8a52-claude/8",
    "/x/019c-codex/2?view=request",
)
UNKNOWN = "/x/nobody/1"


@functools.cache
def axe() -> str:
    """Return axe-core's script."""
    spec = find_spec("axe_playwright_python")
    if spec is None or not spec.submodule_search_locations:
        raise AssertionError("axe-playwright-python is not installed: make test-browser installs it")
    return (Path(spec.submodule_search_locations[0]) / "axe.min.js").read_text(encoding="utf-8")


def findings(page: Any) -> list[str]:
    """Return what axe-core takes for serious or critical."""
    page.evaluate(axe())
    told = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {[(node['html'][:160], node['failureSummary'][:200]) for node in each['nodes'][:4]]}"
        for each in told["violations"]
        if each["impact"] in ("serious", "critical")
    ]


class AppearanceTests(BrowserTestCase):
    """What everyone can see and use."""

    skip = not_wanted()

    def test_axe(self) -> None:
        """No page has a serious or critical finding, in either theme."""
        found = {}
        for scheme in ("light", "dark"):
            watched = self.watched(color_scheme=scheme)
            watched.expected = ("404",)
            for path in (*PAGES, UNKNOWN):
                page = watched.page(path)
                page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
                if said := findings(page):
                    found[scheme, path] = said
                page.close()
        self.assertEqual(found, {})

    def test_axe_on_a_phone_and_in_dialogs(self) -> None:
        """Nor at phone width, nor with the help open, nor on a newcomer's page."""
        page = self.open(viewport=PHONE, has_touch=True)
        self.assertEqual(findings(page), [])
        page = self.open()
        page.keyboard.press("?")
        self.assertEqual(findings(page), [])
        self.assertEqual(findings(self.open(home=self.own_scene().api)), [])

    def test_desktop_widths(self) -> None:
        """No page scrolls sideways at any of the usual widths, and body text is 14 pixels."""
        wide = {}
        for width in (1024, 1440, 1920):
            watched = self.watched(viewport={"width": width, "height": 900})
            for path in PAGES:
                page = watched.page(path)
                size = page.evaluate("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)")
                if size > width:
                    wide[width, path] = size, page.evaluate(_WIDEST)
                self.assertEqual(page.evaluate("getComputedStyle(document.body).fontSize"), "14px")
                page.close()
        self.assertEqual(wide, {})

    def test_phone_width(self) -> None:
        """No page scrolls sideways at 360 pixels, also with everything unfolded."""
        watched = self.watched(viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2)
        watched.expected = ("404",)
        wide = {}
        for path in (*PAGES, UNKNOWN):
            page = watched.page(path)
            page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
            width = page.evaluate("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)")
            if width > PHONE["width"]:
                wide[path] = width, page.evaluate(_WIDEST)
            page.close()
        self.assertEqual(wide, {})

    def test_themes(self) -> None:
        """The system's theme holds until another is chosen; that one is kept and is painted first."""
        colours = {}
        for scheme in ("light", "dark"):
            page = self.open(color_scheme=scheme)
            colours[scheme] = background(page)
            self.assertEqual(page.evaluate("document.documentElement.dataset.theme || 'system'"), "system")
        self.assertNotEqual(colours["light"], colours["dark"])
        page = self.open(color_scheme="light")
        for theme, colour in (("light", "light"), ("dark", "dark")):
            page.get_by_test_id("theme").click()
            self.assertEqual(background(page), colours[colour], theme)
        page.reload()
        self.assertEqual(background(page), colours["dark"])
        page.goto(self.scene().api + "/sessions")
        self.assertEqual(background(page), colours["dark"])
        page.get_by_test_id("theme").click()
        self.assertEqual(background(page), colours["light"])
        page.emulate_media(color_scheme="dark")
        self.assertEqual(background(page), colours["dark"])


_WIDEST = """[...document.querySelectorAll('body *')]
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
  .map((each) => `${each.tagName}.${each.className} ${Math.round(each.getBoundingClientRect().right)}`).slice(0, 8)"""


def background(page: Any) -> str:
    """Return the colour of the page itself."""
    return str(
        page.evaluate(
            "[document.body, document.documentElement].map((each) => getComputedStyle(each).backgroundColor)"
            ".find((colour) => colour !== 'rgba(0, 0, 0, 0)')"
        )
    )
