"""Tests of the rows of lists of calls."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.lists.columns import Order
from ccsproxy.dashboard.lists.requests_view import row_of
from ccsproxy.dashboard.lists.rows import BLANK, COLUMNS, request_row, request_table, sorted_heads
from test.dashboard.reading_page import misdeeds, shown


class RowsTests(SynchronousTestCase):
    """One form of row, for the server and for the script."""

    def test_cells_are_those_of_the_head(self) -> None:
        """As many, in the order of the columns, each by its class."""
        cells = shown(request_row(row_of({"session_id": "s", "seq": 1}))).all("td")
        self.assertEqual(len(cells), len(COLUMNS))
        for cell, column in zip(cells, COLUMNS, strict=True):
            self.assertIn(column.name, (cell.attributes["class"] or "").split())

    def test_the_script_finds_its_fields(self) -> None:
        """The blank row has the same fields as any other, so that none stays as it was when a row is made of it."""
        full = {"session_id": "s", "seq": 1, "agent": "a", "error_message": "e", "outcome": "refused"}
        blank, other = (
            sorted(str(each.attributes.get("data-field")) for each in shown(request_row(row)).all())
            for row in (BLANK, row_of(full))
        )
        self.assertEqual(blank, other)

    def test_hostile_words(self) -> None:
        """Whatever a call says of itself is text."""
        nasty = '"><img src=x onerror=y>'
        names = (
            "session_id",
            "client",
            "model",
            "preview",
            "upstream",
            "agent",
            "error_message",
            "outcome",
            "started_at",
        )
        self.assertEqual(misdeeds(shown(request_row(row_of(dict.fromkeys(names, nasty))))), [])

    def test_tables(self) -> None:
        """With its own head a list can be sorted, with a plain one it cannot."""
        plain = shown(request_table([BLANK], "Calls"))
        self.assertEqual(plain.one("thead").all("a"), [])
        head = sorted_heads(Order("cost"), lambda order: "/calls")
        self.assertEqual(len(shown(request_table([], "Calls", head)).one("thead").all("a")), len(COLUMNS))
