"""Tables of answers."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html.markup import h
from ccsproxy.dashboard.html.tables import table
from test.dashboard.reading_page import shown


class TableTests(SynchronousTestCase):
    """A head, rows, and a frame that scrolls."""

    def test_columns(self) -> None:
        """Figures stand at the right, names at the left; the frame can be reached and is named."""
        page = shown(table("Things", ("Name", "Count"), [h.tr(h.th("a"), h.td("3"))], ("Count",), data_testid="t"))
        heads = page.one("thead").all("th")
        self.assertEqual([each.attributes.get("class") for each in heads], [None, "num"])
        frame = page.one(data_testid="t")
        self.assertEqual((frame.attributes["tabindex"], frame.attributes["aria-label"]), ("0", "Things"))
