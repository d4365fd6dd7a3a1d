"""Tests of Markdown as elements: nothing but the tags that are named can come of it."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html.markdown import MOST, markdown, plain
from test.dashboard.reading_page import misdeeds, shown
from test.effort import effort


class MarkdownTests(SynchronousTestCase):
    """What is written is shown, and loads and does nothing."""

    def test_forms(self) -> None:
        """Lists, code, tables and strong words have their elements; headings are none of the page's."""
        page = shown(markdown("# T\n\n- a\n- **b**\n\n|x|y|\n|-|-|\n|1|2|\n\n```python\nx=1\n```"))
        self.assertEqual([page.all(tag) == [] for tag in ("ul", "strong", "table", "pre")], [False] * 4)
        self.assertEqual([each for level in "123456" for each in page.all(f"h{level}")], [])
        self.assertEqual(page.one("p", class_="heading").text, "T")

    def test_links_and_images_are_words(self) -> None:
        """A link shows its address and leads nowhere; an image is named and not loaded; HTML is text."""
        page = shown(markdown("[x](javascript:alert(1)) ![y](http://evil/p.png) <b>z</b>"))
        self.assertEqual((page.all("a"), page.all("img"), page.all("b")), ([], [], []))
        for said in ("image: y (http://evil/p.png)", "<b>z</b>"):
            self.assertIn(said, page.text)

    def test_tight_lists_have_no_paragraphs(self) -> None:
        """As CommonMark writes them."""
        self.assertEqual(shown(markdown("- a\n- b")).all("p"), [])

    def test_nothing_is_too_deep_to_be_read(self) -> None:
        """Each quote within quotes and each point of a list is there, at every depth around the parser's bound."""
        for depth in (9, 10, 19, 20, 28, 29, 30, 31, 58, 59, 60, 61, 200):
            self.assertIn("inmost", shown(markdown(">" * depth + " inmost")).text, depth)
            points = "".join("  " * level + f"- point{level}.\n" for level in range(depth))
            text = shown(markdown(points)).text
            self.assertEqual([level for level in range(depth) if f"point{level}." not in text], [], depth)

    def test_long_texts_stay_as_they_are(self) -> None:
        """Beyond a length, and nested beyond reason, a text is plain."""
        deep = "".join("  " * level + f"- a{level}\n" for level in range(90))
        for text in ("**x** " * (MOST // 6 + 1), ">" * 20_000 + "x", deep):
            self.assertIn(text[:50], shown(markdown(text)).text)
        self.assertEqual(shown(plain("**x**")).one("pre").text, "**x**")

    @settings(max_examples=effort(25), deadline=None)
    @given(st.text(alphabet="#*_`[]()!<>|-~&\\ \nabc", max_size=80))
    def test_any_marks(self, text: str) -> None:
        """Whatever marks stand together, the page is whole and does nothing."""
        self.assertEqual(misdeeds(shown(markdown(text))), [])
