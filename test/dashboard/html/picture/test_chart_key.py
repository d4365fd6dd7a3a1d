"""Tests of what the colours of a chart mean."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html.picture.chart_key import key
from test.dashboard.reading_page import shown


class KeyTests(SynchronousTestCase):
    """A swatch, a name and a figure for each colour."""

    def test_each(self) -> None:
        """In the order that they were given in; the swatch has the colour's class, and is nothing to be read."""
        items = shown(key([("cached", "from the cache", "40 %"), ("fresh", "new", "")])).all("li")
        self.assertEqual([each.text for each in items], ["from the cache 40 %", "new "])
        self.assertEqual([each.one("rect").attributes["class"] for each in items], ["cached", "fresh"])
        self.assertEqual({each.one("svg").attributes["aria-hidden"] for each in items}, {"true"})
