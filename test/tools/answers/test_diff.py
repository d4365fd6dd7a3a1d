"""``ccsproxy diff``: what two requests ask differently."""

from test.insight.world import MAIN, SECOND
from test.tools.answering import AnsweringCase


class DiffTests(AnsweringCase):
    """Two requests."""

    def test_diff(self) -> None:
        out = self.said("diff", f"{MAIN}/{self.joined - 1}", f"{MAIN}/{self.joined}", "--brief", status=1)
        self.assertIn("added tools[40] mcp__linear__get_issue", out)
        self.assertEqual(self.said("diff", f"{MAIN}/3", f"{MAIN}/3"), "The requests are the same.\n")
        self.assertIn("changed system[1]", self.said("diff", f"{MAIN}/3", f"{SECOND}/2", status=1))
