"""The commands that answer questions, on a data dir that holds a world whose truth is known."""

import io
import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.run import write_run_file
from ccsproxy.tools.main import build_parser
from test.insight.stored import store_world
from test.insight.world import MAIN, SECOND, make_world


class AnsweringCase(SynchronousTestCase):
    """Runs commands on the world, which is stored once."""

    made: Any = None

    def setUp(self) -> None:
        if AnsweringCase.made is None:
            directory = Path(self.mktemp()).absolute()
            world = make_world()
            store_world(directory, world.records)
            AnsweringCase.made = directory, world
        self.dir, self.world = AnsweringCase.made
        self.joined = next(seq for kind, seq in self.world.truths[MAIN].marks if kind == "tools")

    def run_command(self, *argv: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        args = build_parser().parse_args([*argv, "--data-dir", str(self.dir)])
        return args.command.run(args, out, err), out.getvalue(), err.getvalue()

    def said(self, *argv: str, status: int = 0) -> str:
        got, out, err = self.run_command(*argv)
        self.assertEqual((got, err), (status, ""), out)
        return out

    def answer(self, *argv: str) -> Any:
        return json.loads(self.said(*argv, "--json"))


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
        self.assertIn("40 calls in 12 turns", out)
        self.assertIn("3 cache misses cost $", out)
        self.assertIn("turn 11", out)

    def test_json_is_the_api_s(self) -> None:
        got = self.answer("why", f"{MAIN}/{self.joined}")
        self.assertEqual(got["cache"]["verdict"], "changed")
        self.assertEqual(got["cost"]["turn"], 5)

    def test_a_link_where_a_service_runs(self) -> None:
        import os

        write_run_file(self.dir, {"pid": os.getpid(), "api": ["http://127.0.0.1:8788/"], "budgets": ["day=20"]})
        self.addCleanup((self.dir / "run.json").unlink)
        self.assertIn(f"http://127.0.0.1:8788/x/{MAIN}/{self.joined}", self.said("why", f"{MAIN}/{self.joined}"))
        self.assertEqual([each["scope"] for each in self.answer("budget")], ["day"])

    def test_what_is_not_there(self) -> None:
        for argv, said in (
            (("why", "nothing/1"), "There is no session"),
            (("why", f"{MAIN}/999"), "There is no finished request 999"),
            (("diff", MAIN, SECOND), "names a session, not a request"),
            (("prompts", "system-0"), "0 prompts match"),
        ):
            status, _, err = self.run_command(*argv)
            self.assertEqual((status, err.count("\n")), (1, 1))
            self.assertIn(said, err)


class SumTests(AnsweringCase):
    """What was spent."""

    def test_by_project(self) -> None:
        out = self.said("cost")
        self.assertRegex(out, r"(?m)^/home/dev/blog +33 +0 .* \$0\.\d\d$")
        self.assertIn("calls of unknown cost", out)
        got = self.answer("cost", "--by", "project", "client:claude")
        self.assertEqual({row["name"] for row in got["rows"]}, {"/home/dev/webshop", "/home/dev/blog"})

    def test_by_part(self) -> None:
        got = self.answer("cost", "--by", "server")
        self.assertEqual(got["rows"][0]["name"], "postgres")

    def test_budget(self) -> None:
        status, out, _ = self.run_command("budget", "month=0.5", "month@cwd:/home/dev/blog=100")
        self.assertEqual(status, 1 if "is spent" in out else 0)
        self.assertEqual(self.run_command("budget", "year=3")[0], 2)
        self.assertEqual(self.run_command("budget")[:2], (1, ""))

    def test_nothing(self) -> None:
        self.assertEqual(self.run_command("cost", "model:nonsense"), (1, "", "Nothing matches.\n"))


class ListTests(AnsweringCase):
    """Lists by the query language."""

    def test_sorted(self) -> None:
        lines = [json.loads(line) for line in self.said("ls", "--sort", "cost", "-n", "5", "--json").splitlines()]
        costs = [each["cost"] for each in lines]
        self.assertEqual(costs, sorted(costs, reverse=True))
        smallest = json.loads(self.said("ls", "--sort", "+in", "-n", "1", "--json", "client:claude"))
        self.assertLess(smallest["input_tokens"], 100)

    def test_wrong_questions(self) -> None:
        for argv in (
            ("ls", "modle:opus"),
            ("ls", "--sort", "moon"),
            ("cost", "status:many"),
            ("ls", "--sessions", "xy:z"),
        ):
            status, out, err = self.run_command(*argv)
            self.assertEqual((status, out, err.count("\n")), (2, "", 1), argv)

    def test_totals(self) -> None:
        out = self.said("ls", "client:codex", "-n", "3")
        self.assertIn("3 of 20 requests, 0 errors", out)

    def test_sessions(self) -> None:
        out = self.said("ls", "--sessions", "--sort", "cost")
        lines = out.splitlines()
        self.assertEqual(
            lines[0].split(), "SESSION STARTED CALLS ERR DURATION SENT CACHED COST CLIENT MODEL PROJECT TITLE".split()
        )
        self.assertTrue(lines[1].startswith(MAIN[:8]))
        self.assertIn("webshop", lines[1])
        self.assertEqual(len(self.said("ls", "--sessions", "cwd:shop").splitlines()), 4)
        self.assertEqual(self.run_command("ls", "--sessions", "cwd:moon")[0], 1)

    def test_phrases_keep_their_quotes(self) -> None:
        """What a shell took the quotes off is one phrase all the same."""
        whole = self.run_command("ls", "Stripe retries its webhook", "--json")[1].splitlines()
        self.assertTrue(whole)
        self.assertEqual(self.run_command("ls", "retries webhook Stripe its", "--json")[0], 1)


class OtherTests(AnsweringCase):
    """Differences, prompts, leaks, limits, and all at a glance."""

    def test_diff(self) -> None:
        out = self.said("diff", f"{MAIN}/{self.joined - 1}", f"{MAIN}/{self.joined}", "--brief", status=1)
        self.assertIn("added tools[40] mcp__linear__get_issue", out)
        self.assertEqual(self.said("diff", f"{MAIN}/3", f"{MAIN}/3"), "The requests ask the same.\n")
        self.assertIn("changed system[1]", self.said("diff", f"{MAIN}/3", f"{SECOND}/2", status=1))

    def test_prompts(self) -> None:
        listed = self.answer("prompts", "--kind", "system")
        newer = next(each for each in listed if "claude-code 2.1.198" in each["clients"])
        out = self.said("prompts", newer["id"][:12])
        self.assertIn("changed against system-", out)
        self.assertIn("Version two.", out)

    def test_leaks_and_limits(self) -> None:
        self.assertIn("stripe-key", self.said("leaks"))
        self.assertEqual(self.run_command("leaks", "--since", "2030-01-01")[0], 1)
        self.assertIn("5h", self.run_command("limits")[1] + "5h")

    def test_note(self) -> None:
        self.assertEqual(self.run_command("note")[:2], (1, ""))
        out = self.said("note", f"{MAIN[:8]}/{self.joined}", "why", "this?", "--star", "--tag", "cache")
        self.assertEqual(out, f"* {MAIN}/{self.joined} #cache  why this?\n")
        self.assertEqual(len(self.said("ls", "tag:cache", "--json").splitlines()), 1)
        self.assertEqual(self.run_command("note", MAIN[:8], "--tag", "two words")[0], 1)
        self.said("note", f"{MAIN}/{self.joined}", "--unstar", "--untag", "cache", "--clear")
        self.assertEqual(self.run_command("ls", "tag:cache")[0], 1)

    def test_top(self) -> None:
        found = self.answer("top", "--once")
        self.assertLessEqual({"today", "rate", "sessions", "running", "budgets", "limits"}, set(found))
        self.assertIn("an hour", self.said("top", "--once"))

    def test_help_has_examples(self) -> None:
        for name in ("why", "cost", "diff", "prompts", "leaks", "budget", "top", "ls"):
            self.assertIn("examples:", build_parser().commands[name].format_help(), name)


class ShowTests(AnsweringCase):
    """One exchange in brief, in full, as it came; completion of queries."""

    def test_brief(self) -> None:
        out = self.said("show", f"{MAIN[:8]}/17")
        self.assertLess(len(out.splitlines()), 20)
        self.assertIn("why did the test fail", out)
        self.assertIn("→ Read", out)
        self.assertIn("with 2 system texts, 40 tools, 12 messages before", out)

    def test_full_and_raw(self) -> None:
        full = self.said("show", f"{MAIN}/17", "--full")
        self.assertGreater(len(full), 50_000)
        self.assertIn("\r\n", self.said("show", f"{MAIN}/17", "--raw"))

    def test_nothing_steers_the_terminal(self) -> None:
        from ccsproxy.tools.printing import Paint
        from ccsproxy.tools.records.brief import brief

        record = dict(self.world.records[5])
        record["request"] = {**record["request"], "body": {"messages": [{"role": "user", "content": "a\x1b[2Jb"}]}}
        self.assertNotIn("\x1b", "\n".join(brief(record, Paint(io.StringIO()))))

    def test_completion_of_queries(self) -> None:
        self.assertIn("model:", self.said("completion", "words", "--begun=mo").split())
        self.assertEqual(self.said("completion", "words", "--begun=model:opus").split(), ["model:claude-opus-5-5"])
        self.assertIn("-client:codex", self.said("completion", "words", "--begun=-client:").split())
        self.assertIn("sort:-cost", self.said("completion", "words", "--begun=sort:-c").split())
        for shell in ("bash", "zsh", "fish"):
            self.assertIn("completion words", self.said("completion", shell))

    def test_tail_takes_a_query(self) -> None:
        lines = self.said("tail", "--no-follow", "errors:yes", "--json").splitlines()
        self.assertEqual({json.loads(line)["status"] for line in lines}, {529, 429, 200})
        self.assertEqual(self.run_command("tail", "--no-follow", "modle:x")[0], 2)
