"""The sentences about a session, from the world whose truth is known."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.insight.cost.budget import Budget, BudgetError, crossed, parse_budget
from ccsproxy.insight.cost.carry import heaviest, joined_costs, part_costs
from ccsproxy.insight.facts import Call
from ccsproxy.insight.findings import findings
from ccsproxy.insight.leaks import leaks
from ccsproxy.insight.prompt.comparison import compare, exact_difference
from ccsproxy.insight.prompt.prompts import listing, versions
from ccsproxy.insight.session import Session
from test.insight.test_world import WorldCase
from test.insight.world import MAIN, SECOND


class FindingTests(WorldCase):
    """Reuses the world, not its tests."""

    def test_sentences(self) -> None:
        found = {each.kind: each for each in findings(self.truth(MAIN)[0])}
        self.assertIn("tools changed (+4 mcp__linear) at turn 5", found["cache"].text)
        self.assertIn("system changed", found["cache"].text)
        self.assertIn("pause", found["cache"].text)
        self.assertRegex(found["carried"].text, r"76 KB result of mcp__postgres__query .* was sent \d+ times: \$")
        self.assertIn("529 twice, 429 once", found["errors"].text)
        self.assertApproximates(found["errors"].seconds or 0, 12.9, 0.5)
        self.assertRegex(
            found["tools"].text, r"10 tools of github were never called: [\d.]+k tokens in every call, \$"
        )
        self.assertIn("secret", found)
        self.assertEqual(found["secret"].text, "2 secrets left in turn 2: stripe-key, password")
        self.assertEqual(findings(self.truth(MAIN)[0])[0].kind, "secret")

    def test_answers_that_broke_off_are_no_200(self) -> None:
        """Their status says that all was well; what became of them is said in its place."""
        broken, overloaded = (
            Call(session_id="s", seq=1, started_ms=1, status=200, outcome="upstream_truncated"),
            Call(session_id="s", seq=2, started_ms=2, status=529, outcome="http_error"),
        )
        calls = [broken, overloaded]
        (text,) = [each.text for each in findings(Session(calls)) if each.kind == "errors"]
        self.assertIn("upstream truncated once", text)
        self.assertIn("529 once", text)

    def test_carry_cost_by_hand(self) -> None:
        """What the large result cost after its first call is the sum over the calls that sent it again."""
        session, _ = self.truth(MAIN)
        heavy = next(each for each in heaviest(session.carried) if each["tool"] == "mcp__postgres__query")
        calls = [
            c for c in session.calls if heavy["seq"] < c.seq <= heavy["last_seq"] and c.tokens.prompt and not c.agent
        ]
        sent = [c for c in calls if c.role == "main"]
        self.assertEqual(heavy["sent"], len(sent) + 1)
        written = [c for c in sent if (c.tokens.read or 0) < heavy["tokens"]]
        rates = {c.seq: 5.0 if c in written else 0.2 for c in sent}
        by_hand = heavy["tokens"] * sum(rates.values()) / 1e6
        self.assertApproximates(heavy["carry_cost"], by_hand, 0.02 * by_hand)

    def test_parts_of_sessions_join(self) -> None:
        """What is summed up session by session and joined is what is summed up of all at once."""
        sessions = [self.truth(MAIN)[0], self.truth(SECOND)[0]]
        for by in ("tool", "server", "kind"):
            at_once = {row["name"]: row for row in part_costs(sessions, by)}
            joined = joined_costs(part_costs([each], by) for each in sessions)
            self.assertEqual([row["name"] for row in joined], list(at_once))
            for row in joined:
                self.assertAlmostEqual(row["cost"], at_once[row["name"]]["cost"], 9)
                for name in ("requests", "unpriced", "tokens_sent"):
                    self.assertEqual(row[name], at_once[row["name"]][name])

    def test_prompt_versions(self) -> None:
        calls = [call for session in self.sessions.values() for call in session.calls]
        calls.sort(key=lambda call: call.started_ms)
        found = listing(versions(calls))
        systems = [each for each in found if each["kind"] == "system" and "2.1.198" in " ".join(each["clients"])]
        self.assertEqual(len(systems), 1)
        self.assertIsNotNone(systems[0]["previous"])
        tools = [each for each in found if each["kind"] == "tools" and "mcp__linear__search" in each["tools"]]
        self.assertEqual(len(tools), 1)

    def test_comparison_across_sessions(self) -> None:
        records = {(r["session_id"], r["seq"]): r for r in self.world.records}
        joined = next(seq for kind, seq in self.world.truths[MAIN].marks if kind == "tools")
        got = compare(records[MAIN, joined - 1], records[MAIN, joined])
        self.assertEqual(
            [each["name"] for each in got["changes"] if each["place"].startswith("tools")],
            [
                "mcp__linear__get_issue",
                "mcp__linear__update_issue",
                "mcp__linear__list_issues",
                "mcp__linear__search",
            ],
        )
        other = compare(records[MAIN, joined], records[SECOND, 2])
        self.assertIn("system[1]", [each["place"] for each in other["changes"]])
        self.assertTrue(compare(records[MAIN, joined], records[MAIN, joined])["same"])

    def test_exact_difference(self) -> None:
        records = {(r["session_id"], r["seq"]): r for r in self.world.records}
        changed = next(seq for kind, seq in self.world.truths[MAIN].marks if kind == "system")
        got = exact_difference(records[MAIN, changed - 1], records[MAIN, changed])
        assert got is not None
        self.assertEqual((got["place"], got["offset"]), ("system[1]", 0))
        self.assertTrue(got["after"].startswith("Reply in English."))

    def test_exact_is_where_the_verdict_is(self) -> None:
        """Of every change in the world, what is shown to the character is at the place that the verdict names."""
        records = {(r["session_id"], r["seq"]): r for r in self.world.records}
        compared = 0
        for sid, session in self.sessions.items():
            for seq, verdict in session.verdicts.items():
                if verdict.part in ("tools", "system", "messages") and verdict.previous is not None:
                    got = exact_difference(records[sid, verdict.previous], records[sid, seq])
                    assert got is not None
                    self.assertEqual(got["place"], verdict.place)
                    compared += 1
        self.assertGreater(compared, 2)

    def test_exact_sees_what_the_cache_sees(self) -> None:
        """Claude Code's accounting is no difference at Anthropic; a block in a message is named as such."""

        def record(nonce: str, said: str) -> dict[str, Any]:
            system = [
                {"type": "text", "text": f"x-anthropic-billing-header: {nonce}"},
                {"type": "text", "text": "Hi."},
            ]
            blocks = [{"type": "text", "text": "first"}, {"type": "text", "text": said}]
            body = {"system": system, "messages": [{"role": "user", "content": blocks}]}
            return {"upstream": "anthropic", "dialect": "anthropic", "request": {"body": body}}

        self.assertIsNone(exact_difference(record("a", "x"), record("b", "x")))
        got = exact_difference(record("a", "second"), record("b", "other"))
        assert got is not None
        self.assertEqual((got["place"], got["before"], got["after"]), ("messages[0].content[1]", "second", "other"))

    def test_leaks(self) -> None:
        got = leaks(self.truth(MAIN)[0].calls)
        self.assertEqual([each["kind"] for each in got], ["stripe-key", "password"])
        self.assertGreater(got[0]["calls"], 10)


class BudgetTests(SynchronousTestCase):
    """What is read, and what is counted."""

    def test_reading(self) -> None:
        self.assertEqual(parse_budget("day=20"), Budget("day", 20.0))
        self.assertEqual(parse_budget("week@cwd:/home/me/shop/=5.5"), Budget("week", 5.5, "/home/me/shop"))
        for text in ("day", "year=3", "day=0", "day=x", "day@model:opus=3", "day=-1"):
            with self.assertRaises(BudgetError):
                parse_budget(text)

    def test_folders(self) -> None:
        """Folders inside count, those with a longer name do not."""
        budget = Budget("day", 5.0, "/a/shop")
        self.assertEqual([budget.covers(each) for each in ("/a/shop", "/a/shop/sub", "/a/shop2", "")], [1, 1, 0, 0])

    def test_warnings_once(self) -> None:
        self.assertEqual(
            [crossed(0.7, 0.9), crossed(0.9, 0.95), crossed(0.9, 1.2), crossed(0.1, 1.2)], [0.8, None, 1.0, 1.0]
        )
