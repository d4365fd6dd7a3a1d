"""Tests of the commands that read: on a data dir with records, with an index and without."""

import io
import json
import os
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.run import write_run_file
from ccsproxy.tools.asking import moment
from ccsproxy.tools.main import build_parser, main
from ccsproxy.tools.printing import Paint, duration, number, printable, request_line, short
from ccsproxy.tools.records import export, tail
from ccsproxy.tools.service import open_page
from test.store.corpus import Corpus, Segments, started


class Terminal(io.StringIO):
    """Text that a terminal reads."""

    def isatty(self) -> bool:
        return True


class CommandCase(SynchronousTestCase):
    """Runs commands on a data dir of its own."""

    def setUp(self) -> None:
        self.dir = Path(self.mktemp()).absolute()
        self.dir.mkdir(mode=0o700)
        self.segments = Segments(self.dir)
        self.records = self.segments.fill(12, Corpus())

    def run_command(self, *argv: str) -> tuple[int, str, str]:
        """Run a command and return status, output and complaints."""
        out, err = io.StringIO(), io.StringIO()
        args = build_parser().parse_args([*argv, "--data-dir", str(self.dir)])
        return args.command.run(args, out, err), out.getvalue(), err.getvalue()

    def name(self, record: dict) -> str:
        """Return how a record is named on the command line."""
        return f"{record['session_id']}/{record['seq']}"


class ReadingTests(CommandCase):
    """Lists, one record, search and sums; the same with the index and while there is none."""

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
        status, _, err = self.run_command("ls", "--since", "yesterday")
        self.assertEqual((status, err.count("\n")), (2, 1))

    def test_ls_sessions(self) -> None:
        """Sessions with their totals."""
        self.reindexed()
        _, out, _ = self.run_command("ls", "--sessions")
        for record in self.records:
            self.assertIn(record["session_id"], out)

    def test_show_by_short_name(self) -> None:
        """What ``ls`` prints is enough to name an exchange, and JSON is the record."""
        self.reindexed()
        record = self.records[-1]
        _, out, _ = self.run_command("show", f"{short(record['session_id'])}/{record['seq']}", "--json")
        self.assertEqual(json.loads(out)["id"], record["id"])
        status, out, _ = self.run_command("show", self.name(record))
        self.assertEqual(status, 0)
        self.assertIn(record["model"], out)

    def test_what_is_not_there(self) -> None:
        """One sentence, status 1."""
        self.reindexed()
        for argv in (
            ("show", "nope/1"),
            ("show", "nonsense"),
            ("show", self.records[0]["session_id"] + "/999"),
            ("export", "nope"),
            ("export", self.records[0]["session_id"], "--format", "curl"),
        ):
            status, out, err = self.run_command(*argv)
            self.assertEqual((status, out, err.count("\n")), (1, "", 1), argv)

    def test_search_says_by_status_whether_there_was_anything(self) -> None:
        """Like grep: 0 with a find, 1 without."""
        self.reindexed()
        words = json.dumps(self.records[0]["request"]["body"]["messages"][-1])
        word = max((w for w in words.split() if w.isalpha()), key=len)
        status, out, _ = self.run_command("search", word)
        self.assertEqual(status, 0)
        self.assertIn("/", out)
        self.assertEqual(self.run_command("search", "qqqqqqqqzzzzzzz")[:2], (1, ""))

    def test_stats(self) -> None:
        """Sums by model and in total."""
        self.reindexed()
        _, out, _ = self.run_command("stats")
        self.assertTrue(out.splitlines()[-1].startswith("total"))
        self.assertEqual(json.loads(self.run_command("stats", "--json")[1])["totals"]["requests"], 12)

    def test_exports(self) -> None:
        """Every format of both kinds is written; a file is its owner's only."""
        self.reindexed()
        record = self.records[0]
        for form in export.EXCHANGE:
            self.assertTrue(self.run_command("export", self.name(record), "--format", form)[1], form)
        for form in export.SESSION:
            self.assertTrue(self.run_command("export", record["session_id"], "--format", form)[1], form)
        file = self.dir / "out.har"
        self.assertEqual(self.run_command("export", self.name(record), "--format", "har", "-o", str(file))[0], 0)
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        self.assertEqual(json.loads(file.read_text())["log"]["version"], "1.2")

    def test_open_knows_the_running_service(self) -> None:
        """The address comes from run.json; without a service there is one sentence."""
        self.assertEqual(self.run_command("open", "--print")[0], 1)
        write_run_file(self.dir, {"pid": os.getpid(), "api": ["http://127.0.0.1:1"]})
        self.assertEqual(self.run_command("open", "--print"), (0, "http://127.0.0.1:1\n", ""))
        opened: list[str] = []
        self.patch(open_page.webbrowser, "open", opened.append)
        self.run_command("open")
        self.assertEqual(opened, ["http://127.0.0.1:1"])


class TailTests(CommandCase):
    """``tail`` shows the last ones and follows."""

    def test_follows_what_is_written(self) -> None:
        """A record that is written while it waits appears once."""
        more = list(Corpus(seed=9).records(2))
        rounds = iter([more[:1], more[1:], None])

        def between(_: float) -> None:
            new = next(rounds)
            if new is None:
                raise KeyboardInterrupt
            for record in new:
                self.segments.write(started(record), record)

        self.patch(tail.time, "sleep", between)
        out = io.StringIO()
        args = build_parser().parse_args(["tail", "-n", "3", "--json", "--data-dir", str(self.dir)])
        self.assertRaises(KeyboardInterrupt, args.command.run, args, out, io.StringIO())
        ids = [json.loads(line)["id"] for line in out.getvalue().splitlines()]
        self.assertEqual(ids[-2:], [record["id"] for record in more])
        self.assertEqual(len(ids), 5)


class PrintingTests(SynchronousTestCase):
    """Lines for people, harmless for their terminal."""

    def test_control_characters_are_replaced(self) -> None:
        """Nothing captured steers a terminal."""
        self.assertEqual(printable("a\x1b[31mb\x07\n"), "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER} ")

    def test_colours_only_on_a_terminal(self) -> None:
        """Pipes, NO_COLOR and dumb terminals get none."""
        self.assertEqual(Paint(io.StringIO(), {})("x", "red"), "x")
        self.assertEqual(Paint(Terminal(), {"NO_COLOR": "1"})("x", "red"), "x")
        self.assertEqual(Paint(Terminal(), {"TERM": "dumb"})("x", "red"), "x")
        self.assertIn("\x1b[31m", Paint(Terminal(), {})("x", "red"))

    def test_unknown_is_a_dash(self) -> None:
        """A running request has no numbers yet."""
        item = dict.fromkeys(
            (
                "client",
                "model",
                "response_model",
                "outcome",
                "status",
                "input_tokens",
                "cache_read_input_tokens",
                "output_tokens",
                "ttft_ms",
                "duration_ms",
                "cost",
                "error_message",
            )
        ) | {"session_id": "s", "seq": 1, "started_at": "2026-11-20T00:00:00.000Z", "path": "/v1/messages"}
        line = request_line(item, Paint(io.StringIO(), {}))
        self.assertIn("running", line)
        self.assertTrue(line.endswith("/v1/messages"))

    def test_numbers_survive_the_cleaning(self) -> None:
        """Thousands are told apart by a character that every terminal shows."""
        self.assertEqual([printable(number(v)) for v in (None, 0, 412, 18204)], ["-", "0", "412", "18,204"])

    def test_durations(self) -> None:
        """Milliseconds, seconds, minutes."""
        self.assertEqual([duration(v) for v in (None, 12.4, 1500, 90_000)], ["-", "12ms", "1.5s", "1.5m"])

    def test_spans_are_times(self) -> None:
        """``2h`` is two hours ago; a time stays."""
        self.assertLess(abs(int(moment("2h")) - (time.time() - 7200)), 5)
        self.assertEqual(moment("2026-11-20"), "2026-11-20")


class MainTests(SynchronousTestCase):
    """The command itself."""

    def test_wrong_use_is_one_sentence(self) -> None:
        """Status 2, no usage dump."""
        for argv in (["nonsense"], [], ["ls", "--nonsense"], ["export", "x", "--format", "pdf"]):
            err = io.StringIO()
            self.patch(__import__("sys"), "stderr", err)
            self.assertEqual(self.assertRaises(SystemExit, main, argv).code, 2)
            self.assertEqual(err.getvalue().count("\n"), 1, err.getvalue())

    def test_completion_knows_every_command(self) -> None:
        """The scripts name all commands and their options."""
        for shell in ("bash", "zsh", "fish"):
            out = io.StringIO()
            args = build_parser().parse_args(["completion", shell])
            self.assertEqual(args.command.run(args, out, io.StringIO()), 0)
            for word in ("serve", "tail", "import", "idle-timeout"):
                self.assertIn(word, out.getvalue(), shell)
