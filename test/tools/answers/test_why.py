"""``ccsproxy why``: one request, one session."""

import os

from ccsproxy.run import write_run_file
from ccsproxy.tools.answers.why import _headline
from test.insight.world import MAIN, SECOND
from test.tools.answering import AnsweringCase


class WhyTests(AnsweringCase):
    """One request, one session."""

    def test_of_a_request(self) -> None:
        out = self.said("why", f"{MAIN[:8]}/{self.joined}")
        lines = out.splitlines()
        self.assertLessEqual(len(lines), 10)
        self.assertIn("turn 5, step 1", lines[0])
        self.assertIn("tools changed at tools[40]: + mcp__linear__get_issue", out)
        self.assertRegex(out, r"(?m)^lost +\d+k tokens, \$0\.\d\d$")
        self.assertRegex(out, r"MCP: postgres \d+k")

    def test_of_a_session(self) -> None:
        out = self.said("why", MAIN[:8])
        self.assertIn("39 calls + 1 other in 12 turns", out)
        self.assertIn("3 cache misses cost $", out)
        self.assertIn("turn 11", out)

    def test_json_is_the_api_s(self) -> None:
        got = self.answer("why", f"{MAIN}/{self.joined}")
        self.assertEqual(got["cache"]["verdict"], "changed")
        self.assertEqual(got["cost"]["turn"], 5)

    def test_a_link_where_a_service_runs(self) -> None:

        write_run_file(self.dir, {"pid": os.getpid(), "api": ["http://127.0.0.1:8788/"], "budgets": ["day=20"]})
        self.addCleanup((self.dir / "run.json").unlink)
        self.assertIn(f"http://127.0.0.1:8788/x/{MAIN}/{self.joined}", self.said("why", f"{MAIN}/{self.joined}"))
        self.assertEqual([each["scope"] for each in self.answer("budget")], ["day"])

    def test_unknown_counts(self) -> None:
        """What was sent is a dash where nothing is known of it, and a bound where the uncached part is not."""
        none = dict.fromkeys(("input", "read", "written", "output"))
        for tokens, sent in (
            (none, ": – sent"),
            ({**none, "read": 7}, ": ≥ 7 sent"),
            ({**none, "input": 0}, ": 0 sent"),
        ):
            cost = {"turn": 1, "step": 1, "model": "m", "tokens": tokens}
            self.assertIn(sent, _headline(cost, {"agent": None, "role": "main"}))

    def test_what_is_not_there(self) -> None:
        for argv, wanted, said in (
            (("why", "nothing/1"), 1, "There is no session"),
            (("why", f"{MAIN}/999"), 1, "There is no finished request 999"),
            (("why", f"{MAIN}/x"), 2, "is not a request"),
            (("diff", MAIN, SECOND), 2, "is a session, not a request"),
            (("prompts", "system-0"), 1, "0 prompts match"),
        ):
            status, _, err = self.run_command(*argv)
            self.assertEqual((status, err.count("\n")), (wanted, 1))
            self.assertIn(said, err)
