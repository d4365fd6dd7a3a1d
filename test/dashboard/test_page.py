"""Tests of the frame of every page."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.assets import load_assets
from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.page import CALL, PLACES, Page, write_page
from test.dashboard.reading_page import Element, misdeeds, read_page

ASSETS = load_assets()


class FrameTests(SynchronousTestCase):
    """Head, query field, navigation, notices, columns."""

    def page(self, **more: Any) -> Element:
        """Write a page and read it back."""
        health = more.pop("health", {})
        page = Page("Title", [h.p("body")], "name", **more)
        return read_page(write_page(page, ASSETS, health, more.pop("spent", None)))

    def test_scripts_find_what_they_need(self) -> None:
        """The page's name, how far in it is, where Esc leads, and the addresses of keys."""
        body = self.page(back="/sessions", level=CALL, links={"next": "/x/s/2"}).one("body")
        told = {name: body.attributes[f"data-{name}"] for name in ("page", "back", "level", "next")}
        self.assertEqual(told, {"page": "name", "back": "/sessions", "level": str(CALL), "next": "/x/s/2"})

    def test_where_one_is(self) -> None:
        """One place of the navigation is the current one, or none."""
        current = [each.text for each in self.page(place="leaks").all("a", aria_current="page")]
        self.assertEqual(current, ["Leaks"])
        self.assertEqual(len(self.page().one("nav", aria_label="Main").all("a")), len(PLACES))

    def test_the_query_is_kept(self) -> None:
        """What was searched for stands in the field, the other filters go along unseen."""
        form = self.page(query={"q": "refund", "model": "opus"}).one("form", role="search")
        self.assertEqual(form.one("input", id="q").attributes["value"], "refund")
        self.assertEqual(form.one("input", type="hidden").attributes["value"], "opus")
        self.assertEqual(form.attributes["action"], "/calls")

    def test_places_beside(self) -> None:
        """A page without a place for what is selected has none; an empty one is there, hidden."""
        self.assertEqual(self.page().all("aside"), [])
        self.assertIn("hidden", self.page(beside=[]).one("aside", id="beside").attributes)
        self.assertNotIn("hidden", self.page(beside=[h.p("x")]).one("aside", id="beside").attributes)

    def test_notices(self) -> None:
        """On every page, and hidden where there is none."""
        self.assertIn("hidden", self.page().one("ul", id="notices").attributes)
        self.assertIn("Redaction is off", self.page(health={"redact": False}).one("ul", id="notices").text)

    def test_a_part(self) -> None:
        """A piece of a page has no frame."""
        part = self.page(part=True)
        self.assertEqual((part.one("body").text, part.all("nav"), part.all("script")), ("body", [], []))

    def test_it_does_nothing_but_show(self) -> None:
        """Whatever its title and query say."""
        nasty = '"><script>alert(1)</script>'
        page = read_page(write_page(Page(nasty, [], nasty, back=nasty, query={"q": nasty, nasty: nasty}), ASSETS, {}))
        self.assertEqual(misdeeds(page), [])
