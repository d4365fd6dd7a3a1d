"""Tests of what a call was about."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.exchange.about import about, answer_of, asked_and_said, view_of
from test.dashboard import specimens
from test.dashboard.reading_page import shown


class AboutTests(SynchronousTestCase):
    """What was asked last, and what came."""

    def test_names(self) -> None:
        """By number, method and path; the query is none of it, and nothing known is no error."""
        record = {"seq": 7, "request": {"method": "POST", "path": "/v1/messages?beta=true"}}
        self.assertEqual(about(record), "#7 POST /v1/messages")
        self.assertEqual(about({}), "#None  ")

    def test_last_and_answer(self) -> None:
        """The newest message alone and the answer; of a call that runs still, only what was asked."""
        record = specimens.chat()
        text = shown(asked_and_said(record)).text
        self.assertIn("U+003A", text)
        self.assertIn("It is U+003A.", text)
        self.assertNotIn("Look up the colon.", text)
        self.assertNotIn("It is", shown(asked_and_said({**record, "response": None})).text)
        self.assertIsNone(asked_and_said({}))

    def test_what_was_found_stands_first(self) -> None:
        """The newest message that says what was searched for, unless it is shown anyway."""
        page = shown(asked_and_said(specimens.chat(), "colon"))
        self.assertEqual(page.one("section", id="found").one("mark").text, "colon")
        self.assertEqual(shown(asked_and_said(specimens.chat(), "U")).all("section", id="found"), [])

    def test_views(self) -> None:
        """By the record's dialect."""
        self.assertEqual(len(view_of(specimens.anthropic()).messages), 3)
        self.assertIsNone(answer_of({"response": {"status": 500}}))
