"""Tests of star, tags and note as a form."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.annotation_form import annotation_form, annotation_of
from ccsproxy.store.state.annotations import LONGEST_NOTE, Annotation
from test.dashboard.reading_page import Element, misdeeds, shown


class FormTests(SynchronousTestCase):
    """What people wrote can be read without the script, and changed with it."""

    def form(self, *written: Annotation, seq: int = 0) -> Element:
        """Show the form of a session, or of a call in it."""
        self.reader: Any = type("Reader", (), {"annotations": lambda self: written})()
        return shown(annotation_form(self.reader, "s", seq))

    def test_of_a_call_and_of_its_session(self) -> None:
        """Each has its own."""
        written = Annotation("s", 3, True, ("cache",), "why?")
        page = self.form(written, seq=3)
        self.assertEqual(page.one("div", class_="annotation").attributes["data-annotation"], "/api/annotations/s/3")
        self.assertEqual(page.one("button", id="star").attributes["aria-pressed"], "true")
        self.assertEqual(page.one("p", id="note-text").text, "why?")
        self.assertEqual(page.one("li", class_="tag").one("a").attributes["href"], "/calls?q=tag%3Acache")
        self.assertEqual(annotation_of(self.reader, "s"), Annotation("s", 0))

    def test_nothing_written(self) -> None:
        """No star, no tags, no note are shown; the field takes as much as is kept."""
        page = self.form()
        self.assertEqual(page.one("div", class_="annotation").attributes["data-annotation"], "/api/annotations/s")
        self.assertNotIn("starred", page.text)
        self.assertIn("hidden", page.one("p", id="note-text").attributes)
        self.assertEqual(page.one("textarea").attributes["maxlength"], str(LONGEST_NOTE))

    def test_hostile_words(self) -> None:
        """A note is text, within its field too."""
        nasty = "</textarea><img src=x onerror=y>"
        page = self.form(Annotation("s", 0, False, (nasty,), nasty))
        self.assertEqual(misdeeds(page), [])
        self.assertEqual(page.one("textarea").text, nasty)
