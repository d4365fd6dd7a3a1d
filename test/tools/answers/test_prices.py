"""Tests of ``ccsproxy prices``."""

import argparse
import io
import json

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.providers.prices import LISTED
from ccsproxy.tools.answers import prices

AT = "2026-11-20T08:00:00.000Z"


class PricesTests(SynchronousTestCase):
    """The list, and which of its rows applies and why."""

    def call(self, *argv: str) -> tuple[int, str, str]:
        """Run the command; return status, output and complaints."""
        parser = argparse.ArgumentParser()
        prices.add_arguments(parser)
        out, err = io.StringIO(), io.StringIO()
        args = parser.parse_args(["--data-dir", self.mktemp(), "--at", AT, *argv])
        return prices.run(args, out, err), out.getvalue(), err.getvalue()

    def test_list(self) -> None:
        """A line a model of every provider; as JSON the same rows, each with its source."""
        status, said, _ = self.call()
        lines = said.splitlines()
        self.assertEqual(status, 0)
        self.assertEqual({line.split()[1] for line in lines[1:-1]} - set(LISTED), set())
        rows = [json.loads(line) for line in self.call("--json")[1].splitlines()]
        self.assertEqual(len(rows), len(lines) - 2)
        self.assertTrue(all(row["source"]["url"].startswith("https://") for row in rows))

    def test_one(self) -> None:
        """Its rates, why the row applies, and where it was read."""
        status, said, _ = self.call("claude-sonnet-4-5-20250929")
        self.assertEqual(status, 0)
        for words in ("claude-sonnet-4-5", "a snapshot, or a pattern", "$ per million tokens", "source: https://"):
            self.assertIn(words, said)
        self.assertIn("its own name", self.call("claude-sonnet-4-5")[1])

    def test_unknown(self) -> None:
        """What may be meant, and the way to a price of one's own; another provider's price is not taken."""
        status, said, complaint = self.call("claude-sonet-4-5")
        self.assertEqual((status, said), (1, ""))
        self.assertIn("did you mean claude-sonnet-4-5", complaint)
        self.assertIn("has no price at openai", self.call("claude-sonnet-4-5", "--provider", "openai")[2])
        self.assertIn("--prices FILE", self.call("no-such-model-at-all")[2])

    def test_own_prices(self) -> None:
        """A file of one's own wins, and says so; one that cannot be read is an error."""
        path = self.mktemp()
        with open(path, "w") as file:
            file.write('[[price]]\nmodels = ["mine"]\nrates = { input = 1.5, output = 2.5 }\n')
        status, said, complaint = self.call("mine", "--prices", path)
        self.assertEqual((status, complaint), (0, ""))
        self.assertIn("your own price file", said)
        self.assertEqual(self.call("mine", "--prices", "/no/such/file")[0], 1)

    def test_compare(self) -> None:
        """What is no list is one sentence; so is what is not there."""
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("[]")
        for name in (path, "/no/such/list"):
            status, _, complaint = self.call("--compare", name)
            self.assertEqual((status, complaint.count("\n")), (1, 1))
