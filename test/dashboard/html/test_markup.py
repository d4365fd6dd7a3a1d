"""Tests of elements: text is text wherever it stands."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html.markup import clean, element, h, write
from test.dashboard.reading_page import read_page


class MarkupTests(SynchronousTestCase):
    """What is written, and read again."""

    @given(st.text(), st.text())
    def test_text_is_text(self, said: str, valued: str) -> None:
        """As a child and as an attribute it comes back letter by letter, controls made visible."""
        page = read_page(write(h.p(said, title=valued)))
        newlines = str.maketrans({"\r": "\r"})
        self.assertEqual(page.one("p").text.translate(newlines), clean(said))
        self.assertEqual(page.one("p").attributes["title"], clean(valued))

    def test_what_is_left_out(self) -> None:
        """None and False are no attribute and no child; True is one without a value."""
        self.assertEqual(
            write(h.input(None, type="x", hidden=True, checked=False, id=None)), b'<input type="x" hidden="">'
        )
        self.assertEqual(write(h.p([None, "a", [1, 2.5]])), b"<p>a12.5</p>")

    def test_names(self) -> None:
        """Python's words and dashes."""
        self.assertEqual(write(h.del_("x")), b"<del>x</del>")
        self.assertEqual(write(element("a", class_="b", data_x_y="z")), b'<a class="b" data-x-y="z"></a>')

    def test_controls_are_visible(self) -> None:
        """What a browser would swallow, or a terminal obey, is a picture of itself."""
        self.assertEqual(clean("\x00\x1b\x7f\ud800\n"), "\u2400\u241b\u2421\ufffd\n")

    def test_no_depth_is_too_deep(self) -> None:
        """Elements are written without recursion."""
        root: Any = "x"
        for _ in range(20_000):
            root = h.b(root)
        self.assertTrue(write(root).startswith(b"<b><b>"))
