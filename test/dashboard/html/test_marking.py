"""Tests of words that were searched for."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html.marking import DEEPEST, contains, has_mark, mark_words, marked_line, pattern_of, text_in
from ccsproxy.dashboard.html.markup import h, write
from ccsproxy.dialects.views.view import Block
from test.dashboard.reading_page import misdeeds, read_page, shown
from test.effort import effort


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

    def test_blocks_that_say_it(self) -> None:
        """In their text, in a value, and within a result."""
        pattern = pattern_of("needle")
        assert pattern is not None
        inner = Block(kind="text", text="a needle")
        for block in (inner, Block(kind="json", value={"k": "needle"}), Block(kind="tool_result", content=(inner,))):
            self.assertTrue(contains([Block(kind="text", text="hay"), block], pattern))
        self.assertFalse(contains([Block(kind="text", text="needles")], pattern))

    def test_line(self) -> None:
        """Each word of a line is marked, none of them as a target; without words the line stays a text."""
        page = shown(h.p(marked_line("a Needle, two needles, needle", "needle")))
        self.assertEqual([each.text for each in page.all("mark")], ["Needle", "needle"])
        self.assertEqual(page.all("mark", id="hit"), [])
        self.assertEqual(page.text, "a Needle, two needles, needle")
        self.assertEqual(marked_line("text", ""), "text")

    def test_text_in(self) -> None:
        """All text of some content, in its order."""
        self.assertEqual(text_in([h.p("a", h.b("b")), None, "c"]), "abc")

    @settings(max_examples=effort(60), deadline=None)
    @given(st.text(), st.text())
    def test_any_text(self, text: str, words: str) -> None:
        """Whatever was searched for, the text stays the same and nothing but marks is added."""
        shown = mark_words([h.p(text)], words)
        page = read_page(write(h.div(shown)))
        self.assertEqual(misdeeds(page), [])
        plain = read_page(write(h.div(h.p(text)))).text
        self.assertEqual(page.text, plain)
