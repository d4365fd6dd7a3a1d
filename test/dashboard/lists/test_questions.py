"""Tests of what the address of a list asks."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.lists.columns import Order
from ccsproxy.dashboard.lists.questions import order_of, pieces_of, sorted_by, words_of
from ccsproxy.insight.query import SORTS
from ccsproxy.store.query import QueryError

USUAL = Order("time")
_ORDERS = st.builds(Order, st.sampled_from(sorted(SORTS)), st.booleans())


class OrderTests(SynchronousTestCase):
    """How a list is sorted, in its address."""

    def test_orders_are_written_into_the_query(self) -> None:
        """An order takes the place of the one before; the usual one is not written; words stay as they are."""
        q = 'model:opus sort:-cost "any words"'
        self.assertEqual(order_of(q, USUAL), Order("cost"))
        self.assertEqual(sorted_by(q, Order("duration", False), USUAL), 'model:opus "any words" sort:duration')
        self.assertEqual(sorted_by(q, USUAL, USUAL), 'model:opus "any words"')
        self.assertEqual(order_of("sort:nonsense", USUAL), USUAL)

    @given(st.lists(st.sampled_from(["model:opus", "refund", '"any words"', "sort:cost", "sort:-ttft"])), _ORDERS)
    def test_what_is_written_is_read(self, pieces: list[str], order: Order) -> None:
        """Whatever order there was before, the one that was written last is the one that is read."""
        self.assertEqual(order_of(sorted_by(" ".join(pieces), order, USUAL), USUAL), order)


class PiecesTests(SynchronousTestCase):
    """A query, piece by piece."""

    def test_pieces(self) -> None:
        """A query falls into what was understood, each with what is left without it."""
        self.assertEqual(pieces_of("model:opus refund"), [("model:opus", "refund"), ("refund", "model:opus")])
        self.assertEqual(pieces_of(""), [])

    def test_words(self) -> None:
        """The words without the fields; what cannot be meant is an error that says so."""
        self.assertEqual(words_of({"q": "model:opus refund"}), "refund")
        self.assertEqual(words_of({}), "")
        self.assertRaises(QueryError, words_of, {"q": "cost:lots"})
