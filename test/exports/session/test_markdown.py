"""Tests of a transcript as Markdown."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.session.markdown import transcript_markdown
from ccsproxy.exports.session.transcript import Transcript, TranscriptItem, TranscriptTurn

FOLD = TranscriptItem(
    "fold", title="Read <a>\n→ 2 lines", inside=(TranscriptItem("data", "x\n```\ny", language="json"),)
)


def session(*items: TranscriptItem, turns: int = 1) -> Transcript:
    """Return a transcript."""
    made = tuple(TranscriptTurn(number, f"turn *{number}*", "$0.01", items) for number in range(turns))
    return Transcript("A *title*", ("line",), ("finding",), made, (TranscriptItem("line", "beside"),), ("note",))


class MarkdownTests(SynchronousTestCase):
    """What is told, and nothing that captured text could do."""

    def written(self, told: Transcript) -> str:
        """Write it whole."""
        return "".join(transcript_markdown(told))

    def test_parts(self) -> None:
        """Title, findings, notes, contents where there are several turns, and what stands beside."""
        text = self.written(session(turns=2))
        heads = [line for line in text.splitlines() if line.startswith("#")]
        self.assertEqual(heads[1:], ["## Findings", "## Notes", "## Contents", "## Before the first message",
                                     "## Turn 1", "## Beside the conversation"])  # fmt: skip
        self.assertNotIn("## Contents", self.written(session()))
        self.assertNotIn("# A *title*", text)

    def test_data_cannot_close_its_fence(self) -> None:
        """The fence is longer than any in it; a fold's title is one line, its tags text."""
        text = self.written(session(FOLD))
        self.assertIn("````json\nx\n```\ny\n````", text)
        self.assertIn("<summary>Read &lt;a&gt; → 2 lines</summary>", text)

    def test_kinds(self) -> None:
        """Who says what."""
        items = (
            TranscriptItem("you", "hi"),
            TranscriptItem("answer", "ho"),
            TranscriptItem("image", "iVBOR", title="image, png"),
            TranscriptItem("mark", "compacted"),
        )
        text = self.written(session(*items))
        for said in ("**You:** hi", "ho", "image, png", "*compacted*"):
            self.assertIn(said, text)
        self.assertNotIn("iVBOR", text)
