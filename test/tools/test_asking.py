"""What commands ask in common."""

import io
import os
import sys
import time
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.query import Query, QueryError
from ccsproxy.tools.asking import exchange_of, joined, moment
from ccsproxy.tools.data_dir import CommandError
from ccsproxy.tools.main import build_parser
from test.tools.answering import AnsweringCase


class MomentTests(SynchronousTestCase):
    """Times on the command line."""

    def test_spans_are_times(self) -> None:
        """``2h`` is two hours ago; days are those of this machine, as in queries; seconds stay."""
        self.assertLess(abs(float(moment("2h")) - (time.time() - 7200)), 5)
        day = datetime(2026, 11, 20).astimezone().timestamp()
        self.assertEqual(float(moment("2026-11-20")), day)
        self.assertLessEqual(float(moment("yesterday")), float(moment("today")) - 82_000)
        self.assertEqual((moment(""), moment("1764500000")), ("", "1764500000"))
        self.assertIn("until: takes 2h", str(self.assertRaises(QueryError, moment, "never", "until")))


class FilterTests(AnsweringCase):
    """Options that filter."""

    def test_no_row_at_all(self) -> None:
        """A number of rows is at least one; what is none is said."""
        for number in ("0", "-1", "x"):
            for command in ("ls", "cost", "prompts"):
                self.assertIn("whole number from 1", self.refused(command, "-n", number))

    def test_statuses(self) -> None:
        """The option takes what the language takes."""
        for status in ("5xx", ">=500", "529"):
            self.assertEqual(len(self.said("ls", "--status", status, "--json").splitlines()), 2, status)
        status, _, err = self.run_command("ls", "--status", "many")
        self.assertEqual((status, "status" in err), (2, True))

    def test_nothing_at_all(self) -> None:
        """An empty store is said to be one; there is no last session of it."""
        empty = self.mktemp()
        os.mkdir(empty)
        for argv in (["ls"], ["ls", "--sessions"], ["why", "last"], ["show", "last"]):
            out, err = io.StringIO(), io.StringIO()
            args = build_parser().parse_args([*argv, "--data-dir", empty])
            self.assertEqual((args.command.run(args, out, err), out.getvalue()), (1, ""))
            self.assertEqual(err.getvalue().partition("\n")[0], "Nothing is recorded yet.")

    def test_words_with_blanks(self) -> None:
        """What a shell has rid of its quotes is one phrase again."""
        self.assertEqual(joined(["client:codex", "twice refunded"]), 'client:codex "twice refunded"')

    def refused(self, *argv: str) -> str:
        err = io.StringIO()
        self.patch(sys, "stderr", err)
        self.assertEqual(self.assertRaises(SystemExit, build_parser().parse_args, argv).code, 2)
        return err.getvalue()


class Rows:
    """A store with a row or two."""

    def __init__(self, *categories: str) -> None:
        self.rows = [{"session_id": "s", "seq": seq, "category": each} for seq, each in enumerate(categories, 1)]

    def requests(self, query: Query) -> Any:
        wanted = query.fields.get("category")
        found = [row for row in reversed(self.rows) if wanted is None or row["category"] in wanted]
        return SimpleNamespace(items=found[: query.limit])


class LastTests(SynchronousTestCase):
    """``last``."""

    def last(self, *categories: str) -> tuple[str, int]:
        rows: Any = Rows(*categories)
        return exchange_of(rows, "last")

    def test_the_last_call_of_a_model(self) -> None:
        """What agents report behind it is not meant, unless there is nothing else."""
        self.assertEqual(self.last("model", "model", "telemetry", "other"), ("s", 2))
        self.assertEqual(self.last("other", "telemetry"), ("s", 2))
        self.assertRaises(CommandError, self.last)
