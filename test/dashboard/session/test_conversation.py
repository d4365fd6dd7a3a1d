"""Tests of the parts of a conversation that stand beside its steps."""

from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.session import conversation
from ccsproxy.dashboard.session.conversation import aside_calls, running_calls
from ccsproxy.insight.conversation.conversation import conversation as told_of
from test.dashboard import specimens
from test.dashboard.reading_page import misdeeds, shown
from test.dashboard.session.made import session_of


def running(*calls: dict[str, Any]) -> Any:
    """Stand in for the reader, which knows what runs."""
    return SimpleNamespace(running=lambda: list(calls))


class RunningTests(SynchronousTestCase):
    """Calls that have not ended."""

    def test_lines(self) -> None:
        """Each is a link by its model, or by its number; those of others are not there; hostile names are text."""
        calls = [{"session_id": "s", "seq": 3}, {"session_id": "s", "seq": 2, "model": "<b>"},
                 {"session_id": "t", "seq": 1}]  # fmt: skip
        page = shown(running_calls(running(*calls), {"session_id": "s", "in_flight": 2}))
        self.assertEqual([(each.text, each.attributes["href"]) for each in page.all("a")],
                         [("<b>", "/x/s/2"), ("call 3", "/x/s/3")])  # fmt: skip
        self.assertEqual(misdeeds(page), [])
        self.assertNotIn("hidden", page.one("div", id="running").attributes)

    def test_none(self) -> None:
        """The place is there, hidden, for the script."""
        page = shown(running_calls(running(), {"session_id": "s", "in_flight": 0}))
        self.assertIn("hidden", page.one("div", id="running").attributes)


class AsideTests(SynchronousTestCase):
    """Calls that are no part of the conversation."""

    def test_each_has_its_role(self) -> None:
        """Behind a switch, with what it was for, and how it ended where that was not well."""
        records = specimens.conversation(1)
        count = specimens.record(2, "anthropic", None, None, category="count_tokens", outcome="http_error")
        session = session_of([*records, count])
        page = shown(aside_calls("s", told_of(session), session))
        self.assertIn("1 side call", page.one("summary").text)
        self.assertIn("count tokens", page.one("li").text)
        self.assertIn("HTTP error", page.one("li").text)

    def test_none_and_many(self) -> None:
        """No fold of nothing; of very many the first are listed, and how many there are is said."""
        session = session_of(specimens.conversation(1))
        self.assertIsNone(aside_calls("s", told_of(session), session))
        self.patch(conversation, "ASIDE", 2)
        counts = [specimens.record(seq, "anthropic", None, None, category="count_tokens") for seq in (2, 3, 4)]
        session = session_of([*specimens.conversation(1), *counts])
        page = shown(aside_calls("s", told_of(session), session))
        self.assertEqual((len(page.all("li")), "3 side calls" in page.text), (2, True))
