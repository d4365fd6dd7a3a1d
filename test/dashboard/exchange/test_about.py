"""Tests of what a call was about."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.exchange.about import about, answer_of, facts_line, prompt_and_answer, view_of
from test.dashboard import specimens
from test.dashboard.reading_page import shown


class AboutTests(SynchronousTestCase):
    """What was asked last, and what came."""

    def test_names(self) -> None:
        """By what it was about, else its tools, else method and path without the query; nothing known is no error."""
        record = {"seq": 7, "request": {"method": "POST", "path": "/v1/messages?beta=true"}}
        self.assertEqual(about(record, {"preview": "hi\nthere", "tools": ["Bash"]}), "hi there")
        self.assertEqual(about(record, {"tools": ["Bash", "Read"]}), "calls Bash, Read")
        self.assertEqual(about(record, {}), "POST /v1/messages")
        self.assertEqual(about({}, {}), "Call")

    def test_told(self) -> None:
        """How it ended, its number and place, when, which model; the path where the name does not say it."""
        record = {**specimens.chat(), "seq": 7}
        text = shown(facts_line(record, {"preview": "hi"}, "turn 2, step 1")).text
        self.assertIn("#7 · turn 2, step 1 · ", text)
        self.assertIn("POST", text)
        self.assertNotIn("POST", shown(facts_line(record, {})).text)

    def test_last_and_answer(self) -> None:
        """The newest message alone and the answer; of a call that runs still, only what was asked."""
        record = specimens.chat()
        text = shown(prompt_and_answer(record)).text
        self.assertIn("U+003A", text)
        self.assertIn("It is U+003A.", text)
        self.assertNotIn("Look up the colon.", text)
        self.assertNotIn("It is", shown(prompt_and_answer({**record, "response": None})).text)
        self.assertIsNone(prompt_and_answer({}))

    def test_what_was_found_stands_first(self) -> None:
        """The newest message that says what was searched for, unless it is shown anyway."""
        page = shown(prompt_and_answer(specimens.chat(), "colon"))
        self.assertEqual(page.one("section", id="found").one("mark").text, "colon")
        self.assertEqual(shown(prompt_and_answer(specimens.chat(), "U")).all("section", id="found"), [])

    def test_views(self) -> None:
        """By the record's dialect."""
        self.assertEqual(len(view_of(specimens.anthropic()).messages), 3)
        self.assertIsNone(answer_of({"response": {"status": 500}}))
