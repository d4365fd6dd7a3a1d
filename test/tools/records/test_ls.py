"""``ccsproxy ls``: lists of requests and sessions."""

import json

from test.insight.world import MAIN
from test.tools.answering import AnsweringCase
from test.tools.commands import CommandCase


class QueryTests(AnsweringCase):
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

    def test_values_that_no_record_has(self) -> None:
        """An empty list names them, with what was probably meant; what is no dialect at all is an error."""
        said = "Nothing matches.\nNo client 'codexx' was recorded; nearest: codex.\n"
        for argv in (("client:codexx",), ("--client", "codexx"), ("--sessions", "client:codexx")):
            self.assertEqual(self.run_command("ls", *argv), (1, "", said), argv)
        self.assertEqual(self.run_command("search", "--client", "codexx", "anything"), (1, "", said))
        self.assertEqual(self.run_command("ls", "client:codex", "status:599"), (1, "", "Nothing matches.\n"))
        status, _, err = self.run_command("ls", "dialect:antropic")
        self.assertEqual((status, "dialect must be one of anthropic, " in err), (2, True))

    def test_phrases_keep_their_quotes(self) -> None:
        """What a shell took the quotes off is one phrase all the same."""
        whole = self.run_command("ls", "Stripe retries its webhook", "--json")[1].splitlines()
        self.assertTrue(whole)
        self.assertEqual(self.run_command("ls", "retries webhook Stripe its", "--json")[0], 1)


class ListTests(CommandCase):
    """The same with the index and while there is none."""

    def reindexed(self) -> None:
        self.assertEqual(self.run_command("reindex")[0], 0)

    def test_ls_lists_newest_first(self) -> None:
        """Every request has its line, also without an index."""
        for indexed in (False, True):
            if indexed:
                self.reindexed()
            status, out, _ = self.run_command("ls", "--json")
            listed = [json.loads(line) for line in out.splitlines()]
            self.assertEqual(status, 0)
            self.assertEqual({each["id"] for each in listed}, {record["id"] for record in self.records})
            self.assertEqual(listed, sorted(listed, key=lambda each: each["started_at"], reverse=True))

    def test_ls_filters(self) -> None:
        """A filter leaves what fits; a session may be named by its beginning."""
        self.reindexed()
        session = self.records[0]["session_id"]
        _, out, _ = self.run_command("ls", "--json", "--session", session[:12])
        wanted = {record["id"] for record in self.records if record["session_id"] == session}
        self.assertEqual({json.loads(line)["id"] for line in out.splitlines()}, wanted)
        _, out, _ = self.run_command("ls", "--json", "--outcome", "refused")
        self.assertEqual(out, "")
        status, _, err = self.run_command("ls", "--since", "yestreen")
        self.assertEqual((status, err.count("\n")), (2, 1))

    def test_ls_sessions(self) -> None:
        """Sessions with their totals."""
        self.reindexed()
        _, out, _ = self.run_command("ls", "--sessions")
        for record in self.records:
            self.assertIn(record["session_id"], out)
