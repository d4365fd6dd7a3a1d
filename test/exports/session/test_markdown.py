"""Tests of a told session as Markdown."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.session.markdown import told_markdown
from ccsproxy.exports.session.told import ToldItem, ToldSession, ToldTurn

FOLD = ToldItem("fold", title="Read <a>\n→ 2 lines", inside=(ToldItem("data", "x\n```\ny", language="json"),))


def session(*items: ToldItem, turns: int = 1) -> ToldSession:
    """Return a told session."""
    made = tuple(ToldTurn(number, f"turn *{number}*", "$0.01", items) for number in range(turns))
    return ToldSession("A *title*", ("line",), ("finding",), made, (ToldItem("line", "beside"),), ("note",))


class MarkdownTests(SynchronousTestCase):
    """What is told, and nothing that captured text could do."""

    def written(self, told: ToldSession) -> str:
        """Write it whole."""
        return "".join(told_markdown(told))

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
        items = (ToldItem("you", "hi"), ToldItem("answer", "ho"), ToldItem("image", "iVBOR", title="image, png"),
                 ToldItem("mark", "compacted"))  # fmt: skip
        text = self.written(session(*items))
        for said in ("**You:** hi", "ho", "image, png", "*compacted*"):
            self.assertIn(said, text)
        self.assertNotIn("iVBOR", text)
