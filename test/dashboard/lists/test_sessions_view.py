"""Tests of the view of the list of sessions."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.lists.columns import Order
from ccsproxy.dashboard.lists.sessions_view import LAST, ROWS, USUAL, order_of, page_address, query_of, row_of_session


class RowTests(SynchronousTestCase):
    """A session as a row."""

    def test_unknown_is_a_dash(self) -> None:
        """Nothing told is neither a zero nor a word."""
        row = row_of_session({"session_id": "s"})
        self.assertEqual((row.prompt, row.cost, row.duration, row.models), (figures.UNKNOWN,) * 4)
        self.assertEqual((row.title, row.errors, row.share), ("Session s", "", None))

    def test_duration(self) -> None:
        """From its beginning to its end, where both are times."""
        times = {"started_at": "2026-11-20T08:00:00Z", "ended_at": "2026-11-20T09:30:00Z"}
        self.assertEqual(row_of_session({"session_id": "s", **times}).duration, "1:30:00")
        self.assertEqual(row_of_session({"session_id": "s", **times, "ended_at": "?"}).duration, figures.UNKNOWN)


class QueryTests(SynchronousTestCase):
    """The question of a page."""

    def test_pages(self) -> None:
        """One more than a page is asked for, by which the next is known; a number that is none is the first."""
        self.assertEqual((query_of({"page": "3"}).offset, query_of({}).limit), (2 * ROWS, ROWS + 1))
        for text in ("0", "-1", "x", "²", "9" * 40, ""):
            self.assertEqual(query_of({"page": text}).offset, 0)
        self.assertLessEqual(query_of({"page": "999999"}).offset, (LAST - 1) * ROWS)

    def test_orders(self) -> None:
        """Those that there are; anything else is the usual one."""
        self.assertEqual(order_of({"sort": "-cost"}), Order("cost"))
        self.assertEqual(order_of({"sort": "title"}), Order("title", False))
        self.assertEqual([order_of({"sort": "rowid; drop"}), order_of({})], [USUAL, USUAL])

    def test_addresses(self) -> None:
        """Another page keeps the filters."""
        self.assertEqual(page_address({"model": "opus"}, 2), "/sessions?model=opus&page=2")
