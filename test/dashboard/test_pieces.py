"""Pieces of pages in plain values: marks of a search, orders of lists, limits in words, the head's figures."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.exchange.limit_headers import explained, meaning, readable
from ccsproxy.dashboard.exchange.waterfall import waterfall
from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.html.marking import DEEPEST, has_mark, mark_words
from ccsproxy.dashboard.html.markup import h, write
from ccsproxy.dashboard.lists.columns import Column, Order, heads
from ccsproxy.dashboard.lists.questions import order_of, pieces_of, sorted_by
from test.dashboard import specimens
from test.dashboard.reading_page import misdeeds, read_page

USUAL = Order("time")


class MarkingTests(SynchronousTestCase):
    """Words that were searched for."""

    def marked(self, shown: Any, words: str) -> str:
        return write(h.div(mark_words([shown], words))).decode()

    def test_words_and_phrases(self) -> None:
        """Words are marked whole, phrases across signs, beginnings where a star says so; the first has the id."""
        self.assertIn('a <mark id="hit">refund</mark>', self.marked(h.p("a refund refunded"), "refund"))
        self.assertIn("<mark>refunded</mark>", self.marked(h.p("refund refunded"), "refund refunded"))
        self.assertIn("cat -- .env", self.marked(h.p("cat -- .env"), '"cat env"'))
        self.assertIn(">refund</mark>ed", self.marked(h.p("refunded"), "refund*"))
        self.assertNotIn("<mark", self.marked(h.p("refunded"), "refund"))

    def test_folds_open_over_what_was_found(self) -> None:
        """A fold with a mark is open, one without stays shut; code gives up its colours for it."""
        shown = h.div(h.details(h.summary("x"), h.p("here")), h.details(h.summary("here"), h.p("there")))
        text = self.marked(shown, "here")
        self.assertEqual(text.count("open="), 1)
        code = h.code(h.span("cat", class_="nb"), " .env")
        self.assertIn("cat .env</mark>", self.marked(code, '"cat .env"'))

    def test_no_words_and_no_bottom(self) -> None:
        """Without words nothing is touched; what is nested without end is looked through so far and no farther."""
        self.assertFalse(has_mark(mark_words([h.p("x")], "")))
        shown: Any = "word"
        for _ in range(DEEPEST * 3):
            shown = h.div(shown)
        self.assertFalse(has_mark(mark_words([shown], "word")))

    @settings(max_examples=60, deadline=None)
    @given(st.text(), st.text())
    def test_any_text(self, text: str, words: str) -> None:
        """Whatever was searched for, the text stays the same and nothing but marks is added."""
        shown = mark_words([h.p(text)], words)
        page = read_page(write(h.div(shown)))
        self.assertEqual(misdeeds(page), [])
        plain = read_page(write(h.div(h.p(text)))).text
        self.assertEqual(page.text, plain)


class OrderTests(SynchronousTestCase):
    """How a list is sorted, in its address."""

    def test_orders_are_written_into_the_query(self) -> None:
        """An order takes the place of the one before; the usual one is not written; words stay as they are."""
        q = 'model:opus sort:-cost "any words"'
        self.assertEqual(order_of(q, USUAL), Order("cost"))
        self.assertEqual(sorted_by(q, Order("duration", False), USUAL), 'model:opus "any words" sort:duration')
        self.assertEqual(sorted_by(q, USUAL, USUAL), 'model:opus "any words"')
        self.assertEqual(order_of("sort:nonsense", USUAL), USUAL)

    def test_heads_turn_round(self) -> None:
        """The column that sorts says so and turns round; others begin with what one looks for."""
        columns = (Column("cost", "Cost", "cost", number=True), Column("model", "Model", "model", rising=True))
        asked: list[Order] = []
        page = read_page(write(heads(columns, Order("cost"), lambda order: asked.append(order) or "/x")))
        self.assertEqual(asked, [Order("cost", False), Order("model", False)])
        self.assertEqual(page.all("th")[0].attributes["aria-sort"], "descending")

    def test_pieces(self) -> None:
        """A query falls into what was understood, each with what is left without it."""
        self.assertEqual(pieces_of("model:opus refund"), [("model:opus", "refund"), ("refund", "model:opus")])


class LimitTests(SynchronousTestCase):
    """Header fields of limits, in words."""

    def test_meanings(self) -> None:
        """The fields of each provider are known, others are not taken for limits."""
        for name, part in (
            ("anthropic-ratelimit-unified-5h-utilization", "window 5h"),
            ("anthropic-ratelimit-requests-remaining", "requests: how many are left"),
            ("x-ratelimit-limit-tokens", "tokens: how many in a window"),
            ("Retry-After", "to wait"),
            ("x-codex-primary-used-percent", "primary"),
        ):
            self.assertIn(part, str(meaning(name)))
        self.assertIsNone(meaning("content-type"))
        self.assertEqual(
            (readable("0.61"), readable("1764500000"), readable("x")), ("61%", "30 Nov, 10:53:20 UTC", None)
        )
        self.assertEqual(explained([["a", "b"], ["retry-after", "4"]])[0][:2], ("retry-after", "4"))


class WaterfallTests(SynchronousTestCase):
    """Where the time of a call went."""

    def test_rows_and_rhythm(self) -> None:
        """Each part has a row, a stall is named as the provider's, and what is not known is said to be so."""
        page = read_page(write(waterfall(specimens.anthropic(1))))
        self.assertIn("Stall at the provider", page.text)
        self.assertIn("none here", page.text)
        self.assertTrue(all(each.attributes.get("aria-label") for each in page.all("svg")))
        self.assertIn("nothing known", read_page(write(waterfall({}))).text)


class FigureTests(SynchronousTestCase):
    """Shares and aligned amounts."""

    def test_shares(self) -> None:
        """Nearly all is not all, nearly nothing is not nothing."""
        written = [figures.percent(part, 1000) for part in (0, 1, 500, 999, 1000, None)]
        self.assertEqual(written, ["0 %", "<1 %", "50 %", ">99 %", "100 %", "–"])
        self.assertEqual([figures.cents(text) for text in ("$0.56", "$0.0384", "–")], ["cents", None, None])
