"""Tests of what the commands that answer questions have in common."""

import argparse
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.insight.cost.budget import BudgetError
from ccsproxy.store.reader.reader import NotKept
from ccsproxy.tools.answers.answering import examples, kept, one_call, page_url, place_of, read_budgets
from ccsproxy.tools.data_dir import CommandError


class Sessions:
    """A reader that knows two sessions."""

    def sessions(self, query: Any) -> list[dict[str, Any]]:
        return [{"session_id": each} for each in ("8231d7cf-0000", "8231ffff-0000")]

    def requests(self, query: Any) -> Any:
        return type("Page", (), {"items": [{"session_id": "8231ffff-0000", "seq": 9}]})()


READER: Any = Sessions()


class PlaceTests(SynchronousTestCase):
    """How a call or a session is named."""

    def test_places(self) -> None:
        """By a part of its id, by last for that of the newest model call, with a number or without."""
        for text, place in (
            ("8231d/27", ("8231d7cf-0000", 27)),
            ("last/3", ("8231ffff-0000", 3)),
            ("8231d", ("8231d7cf-0000", None)),
            ("last", ("8231ffff-0000", None)),
        ):
            self.assertEqual(place_of(READER, text), place)

    def test_one_call(self) -> None:
        """The newest call is last, too; a session alone is no call."""
        self.assertEqual(one_call(READER, "last"), ("8231ffff-0000", 9))
        self.assertRaises(CommandError, one_call, READER, "8231d")

    def test_what_names_none(self) -> None:
        """One sentence, with what would be right."""
        for text in ("8231/1", "nobody/1", "8231d/x", "8231d/", "8231d/\N{SUPERSCRIPT TWO}"):
            with self.assertRaises(CommandError):
                place_of(READER, text)


class SaidTests(SynchronousTestCase):
    """What they say in the same words."""

    def test_kept(self) -> None:
        """What the store lacks is a sentence."""
        self.assertEqual(str(kept(NotKept("there is no session x"))), "There is no session x.")

    def test_budgets(self) -> None:
        """As many as are given; one that cannot be read is an error."""
        self.assertEqual([each.scope for each in read_budgets(["day=20", "week@cwd:/a=5"])], ["day", "week@cwd:/a"])
        self.assertRaises(BudgetError, read_budgets, ["day"])

    def test_examples(self) -> None:
        """They stand below the help, a line each."""
        parser = argparse.ArgumentParser()
        examples(parser, "ccsproxy why last", "ccsproxy why last/3")
        self.assertIn("examples:\n  ccsproxy why last\n  ccsproxy why last/3", parser.format_help())

    def test_no_page(self) -> None:
        """Where no service runs there is none, nor of what was shipped elsewhere."""
        folder = self.mktemp()
        args = argparse.Namespace(data_dir=".", source=None)
        self.assertIsNone(page_url(args, "/x"))
        self.assertIsNone(page_url(argparse.Namespace(data_dir=folder, source="file:///x"), "/x"))
