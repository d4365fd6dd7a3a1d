"""One exchange in a screen."""

import io

from ccsproxy.tools.printing import Paint
from test.insight.world import MAIN
from test.tools.answering import AnsweringCase


class BriefTests(AnsweringCase):
    """What was asked and answered."""

    def test_brief(self) -> None:
        out = self.said("show", f"{MAIN[:8]}/17")
        self.assertLess(len(out.splitlines()), 20)
        self.assertIn("why did the test fail", out)
        self.assertIn("→ Read", out)
        self.assertIn("with 2 system texts, 40 tools, 12 messages before", out)

    def test_a_narrow_terminal(self) -> None:
        """No line of the head is longer than the terminal, and nothing in it is broken."""
        from ccsproxy.tools.records.brief import brief

        paint, record = Paint(io.StringIO()), dict(self.world.records[5])
        paint.width = 60
        head = list(brief(record, paint))[:3]
        self.assertLessEqual(max(map(len, head)), 60)
        self.assertIn(f"{record['session_id']}/{record['seq']}", " ".join(head))

    def test_results_of_tools(self) -> None:
        """They are no words of the user's, and say which tool they are of."""
        out = self.said("show", f"{MAIN[:8]}/27")
        self.assertIn("\ntool results\n← Read\n", out)
        self.assertNotIn("\nuser\n", out)

    def test_nothing_steers_the_terminal(self) -> None:
        from ccsproxy.tools.records.brief import brief

        record = dict(self.world.records[5])
        record["request"] = {**record["request"], "body": {"messages": [{"role": "user", "content": "a\x1b[2Jb"}]}}
        self.assertNotIn("\x1b", "\n".join(brief(record, Paint(io.StringIO()))))
