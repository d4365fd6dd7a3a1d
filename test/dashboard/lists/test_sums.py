"""Tests of the line of sums."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.lists.sums import prompt_of, sums_line
from test.dashboard.reading_page import shown

COUNTS = {"input_tokens": 10, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 60}


class SumsTests(SynchronousTestCase):
    """What a list comes to, and what the sums lack."""

    def line(self, totals: dict[str, Any], sessions: int | None = None) -> str:
        """Return the line as it reads."""
        return shown(sums_line(totals, sessions)).text

    def test_whole(self) -> None:
        """Calls, sessions where it is a list of them, prompts, output, cost, errors."""
        said = self.line({**COUNTS, "requests": 1, "output_tokens": 5, "cost": 0.5, "errors": 2}, 1)
        self.assertEqual(said, "1 session, 1 call · 100 sent, 30 % cached · 5 out · $0.50 · 2 errors")

    def test_what_is_lacking_is_said(self) -> None:
        """A sum over calls without a price names how many it lacks; what is not known is no zero."""
        self.assertIn("+ ", self.line({"requests": 3, "unpriced": 2, "unpriced_models": {"x": 2}, "cost": 1.0}))
        self.assertEqual(self.line({}), "0 calls · –")

    def test_prompts(self) -> None:
        """Of unknown input there is no prompt; of unknown parts of the cache there is."""
        self.assertEqual(prompt_of(COUNTS), 100)
        self.assertEqual(prompt_of({"input_tokens": 7}), 7)
        self.assertIsNone(prompt_of({**COUNTS, "input_tokens": None}))
