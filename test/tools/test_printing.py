"""Lines for people, harmless for their terminal."""

import io

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.tools.printing import Paint, duration, number, printable, request_line
from test.tools.commands import Terminal

RUNNING = dict.fromkeys(
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


class PrintingTests(SynchronousTestCase):
    """Lines, numbers, colours."""

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
        line = request_line(RUNNING, Paint(io.StringIO(), {}))
        self.assertIn("running", line)
        self.assertTrue(line.endswith("/v1/messages"))

    def test_money_is_never_cut_short(self) -> None:
        """A bound is shown whole, small or large: an amount that lacks digits is another amount."""
        for cost, said in ((0.0045, "≥ $0.0045"), (1234.5, "≥ $1,234.50")):
            line = request_line({**RUNNING, "cost": cost, "unpriced": "output"}, Paint(io.StringIO(), {}))
            self.assertIn(said, line)

    def test_numbers_survive_the_cleaning(self) -> None:
        """Thousands are told apart by a character that every terminal shows."""
        self.assertEqual([printable(number(v)) for v in (None, 0, 412, 18204)], ["-", "0", "412", "18,204"])

    def test_durations(self) -> None:
        """Milliseconds, seconds, minutes."""
        self.assertEqual([duration(v) for v in (None, 12.4, 1500, 90_000)], ["-", "12ms", "1.5s", "1.5m"])

    def test_what_joins_letters_stays(self) -> None:
        """A family is one picture and Persian is spelled; what turns the direction of a line is replaced."""
        for text in ("\U0001f469\u200d\U0001f467", "\u0645\u06cc\u200c\u0631"):
            self.assertEqual(printable(text), text)
        self.assertEqual(printable("a\u202eb\x1b"), "a\ufffdb\ufffd")
