"""Tests of charts as SVG."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html.picture.svg import TALL, WIDE, Bar, bars, picture, rect
from test.dashboard.reading_page import Element, shown


def number(element: Element, name: str) -> float:
    """Return an attribute as a number."""
    return float(element.attributes[name] or "nan")


class BarsTests(SynchronousTestCase):
    """Bars side by side."""

    def test_heights_are_shares_of_the_highest(self) -> None:
        """The highest fills the chart, parts are stacked from the bottom, and none lies outside."""
        drawn = shown(bars([Bar([(1, "a"), (3, "b")]), Bar([(2, "a")])], "x")).all("rect")
        self.assertEqual([number(each, "height") for each in drawn], [TALL / 4, TALL * 3 / 4, TALL / 2])
        self.assertEqual([number(each, "y") for each in drawn], [TALL * 3 / 4, 0, TALL / 2])
        self.assertLessEqual(max(number(each, "x") + number(each, "width") for each in drawn), WIDE)

    def test_small_ones_are_visible_and_nothing_is_nothing(self) -> None:
        """A value that would be thinner than a hair is drawn as one; zero has no bar."""
        drawn = shown(bars([Bar([(1_000_000, "a")]), Bar([(1, "a")]), Bar([(0, "a")])], "x")).all("rect")
        self.assertEqual([number(each, "height") for each in drawn], [TALL, 1.5])
        self.assertEqual(shown(bars([], "nothing")).all("rect"), [])

    def test_said_to_who_cannot_see(self) -> None:
        """The chart has its label, a bar its own."""
        page = shown(bars([Bar([(1, "a")], "today 1")], "Calls"))
        self.assertEqual(page.one("svg").attributes["aria-label"], "Calls")
        self.assertEqual(page.one("title").text, "today 1")


class RectTests(SynchronousTestCase):
    """A rectangle, and its frame."""

    def test_no_negative_sizes(self) -> None:
        """What has no extent is drawn as none: SVG refuses less."""
        drawn = shown(picture([rect(1, 2, -3, -0.5, "a")], "x", 10, 20)).one("rect")
        self.assertEqual((drawn.attributes["width"], drawn.attributes["height"]), ("0", "0"))
        self.assertEqual(shown(picture([], "x", 10, 20)).one("svg").attributes["viewbox"], "0 0 10 20")
