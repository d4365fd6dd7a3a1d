"""Tests of a transcript as one HTML file."""

import base64

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.session.page import transcript_page
from ccsproxy.exports.session.transcript import Transcript, TranscriptItem, TranscriptTurn

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(30)).decode()
NASTY = '"><script>alert(1)</script><img src=x onerror=y>'


def page(*items: TranscriptItem, turns: int = 1, text: str = "x") -> str:
    """Write a transcript."""
    made = tuple(TranscriptTurn(number, text, text, items) for number in range(turns))
    return "".join(
        transcript_page(Transcript(text, (text,), (text,), made, (TranscriptItem("line", text),), (text,)))
    )


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
        fold = TranscriptItem("fold", title=NASTY, inside=(TranscriptItem("data", NASTY),))
        text = page(fold, TranscriptItem("you", NASTY), TranscriptItem("answer", NASTY), turns=2, text=NASTY)
        self.assertNotIn("<script", text)
        self.assertNotIn("<img", text)
        self.assertIn("default-src &#x27;none&#x27;", text)

    def test_images_by_what_they_are(self) -> None:
        """A PNG is shown whatever it says; what is no image, or not base64, is named."""
        self.assertIn(
            f'src="data:image/png;base64,{PNG}"', page(TranscriptItem("image", PNG, title="image, text/html"))
        )
        for data in (PNG + '"', base64.b64encode(b"<svg/>").decode(), ""):
            self.assertIn('<div class="line">[odd]</div>', page(TranscriptItem("image", data, title="odd")))
