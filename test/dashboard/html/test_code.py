"""Tests of code in colours."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html.code import MOST, code, coloured, json_text
from test.dashboard.reading_page import misdeeds, shown
from test.effort import effort


class CodeTests(SynchronousTestCase):
    """Colours are elements around the text, which stays as it is."""

    def test_known_languages_have_colours(self) -> None:
        """A keyword is in an element of its own; without a language, and for one that is none, the text is bare."""
        self.assertEqual(shown(code("def f(): pass", "python")).all("span", class_="k")[0].text.strip(), "def")
        for language in ("", "klingon", "python;x"):
            self.assertEqual(coloured("def f(): pass", language), "def f(): pass")

    def test_long_texts_have_none(self) -> None:
        """Beyond a length colours cost more than they tell."""
        text = "x = 1\n" * (MOST // 6 + 1)
        self.assertIs(coloured(text, "python"), text)

    @settings(max_examples=effort(40), deadline=None)
    @given(st.text(max_size=60), st.sampled_from(["python", "bash", "json", "html", "sql"]))
    def test_the_text_stays(self, text: str, language: str) -> None:
        """Whatever the lexer makes of it, no letter is lost and nothing acts."""
        page = shown(code(text, language))
        # Line ends are as browsers read them anyway (HTML, section 13.2.3.5), and a mark of byte order is no text.
        read = shown(code(text)).text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        self.assertEqual(page.text, read)
        self.assertEqual(misdeeds(page), [])

    def test_json_text(self) -> None:
        """JSON stands over several lines, in the order in which it was."""
        self.assertEqual(json_text({"b": 1, "a": ["x"]}), '{\n  "b": 1,\n  "a": [\n    "x"\n  ]\n}')
