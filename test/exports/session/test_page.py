"""Tests of a told session as one HTML file."""

import base64

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.session.page import told_page
from ccsproxy.exports.session.told import ToldItem, ToldSession, ToldTurn

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(30)).decode()
NASTY = '"><script>alert(1)</script><img src=x onerror=y>'


def page(*items: ToldItem, turns: int = 1, text: str = "x") -> str:
    """Write a told session."""
    made = tuple(ToldTurn(number, text, text, items) for number in range(turns))
    return "".join(told_page(ToldSession(text, (text,), (text,), made, (ToldItem("line", text),), (text,))))


class PageTests(SynchronousTestCase):
    """No script, nothing fetched, and captured text is text."""

    def test_contents_lead_to_turns(self) -> None:
        """Each by its place, as two may have one number; of a single turn there are none."""
        text = page(turns=3)
        for at in range(3):
            self.assertIn(f'href="#turn-{at}"', text)
            self.assertEqual(text.count(f'id="turn-{at}"'), 1)
        self.assertNotIn("<nav", page())

    def test_text_is_text(self) -> None:
        """Wherever it stands: titles, facts, findings, folds, data."""
        fold = ToldItem("fold", title=NASTY, inside=(ToldItem("data", NASTY),))
        text = page(fold, ToldItem("you", NASTY), ToldItem("answer", NASTY), turns=2, text=NASTY)
        self.assertNotIn("<script", text)
        self.assertNotIn("<img", text)
        self.assertIn("default-src &#x27;none&#x27;", text)

    def test_images_by_what_they_are(self) -> None:
        """A PNG is shown whatever it says; what is no image, or not base64, is named."""
        self.assertIn(f'src="data:image/png;base64,{PNG}"', page(ToldItem("image", PNG, title="image, text/html")))
        for data in (PNG + '"', base64.b64encode(b"<svg/>").decode(), ""):
            self.assertIn('<div class="line">[odd]</div>', page(ToldItem("image", data, title="odd")))
