"""Tests of what a session cost and what filled its context."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.session.costs_view import PIECES, costs_view
from ccsproxy.insight.facts import Call, Rates, Tokens
from test.dashboard import specimens
from test.dashboard.reading_page import Element, misdeeds, shown
from test.dashboard.session.made import flow

RATES = Rates(1.0, 10.0, 0.1, 1.25, 2.0)


def call(seq: int, **more: Any) -> Call:
    """Return the facts of a call that cost something."""
    tokens = Tokens(input=1_000_000, output=100_000, read=1_000_000, written=0)
    return Call(session_id="s", seq=seq, started_ms=0, **{"tokens": tokens, "rates": RATES, "cost": 2.1, **more})


class CostsTests(SynchronousTestCase):
    """Splits of money and time, and the table of what was sent again."""

    def view(self, *calls: Call, times: dict[str, float] | None = None, pieces: Any = ()) -> Element:
        """Show the view."""
        return shown(costs_view("s", calls, times or {}, pieces, flow(specimens.conversation(2)).steps))

    def test_money(self) -> None:
        """By kind of token, with shares of the whole; a kind that cost nothing is not there."""
        text = self.view(call(1), call(2)).one("section", id="money").text
        for said in ("new input", "$2.00 (48 %)", "output", "read from the cache", "$0.20 (5 %)"):
            self.assertIn(said, text)
        self.assertNotIn("written", text)

    def test_newest_prompt(self) -> None:
        """What it was made of, ranked, with bars; of a session without one there is no such part."""
        part = {"kind": "system", "name": None, "tokens": 40, "cached_tokens": 10, "cost": 0.1, "resent": 2}
        context = {"parts": [part], "total_tokens": 80, "estimated": False}
        steps = flow(specimens.conversation(2)).steps
        made = shown(costs_view("s", [call(1)], {}, (), steps, context)).one(data_testid="made-of")
        self.assertIn("Prompt: 80 tokens", made.text)
        self.assertIn("2 calls", made.text)
        self.assertEqual(self.view(call(1)).all(data_testid="made-of"), [])

    def test_models(self) -> None:
        """The dearest first; what has no price is no zero, and a session without any has no split."""
        page = self.view(call(1, model="a"), call(2, model="b", cost=5.0), call(3, model="c", cost=None, rates=None))
        text = page.one("section", id="models").text
        self.assertLess(text.index("b"), text.index("$5.00"))
        self.assertLess(text.index("$5.00"), text.index("$2.10"))
        self.assertEqual(self.view(call(1, cost=None, rates=None)).all("section", id="models"), [])

    def test_times(self) -> None:
        """Where the time went, by who was waited for."""
        self.assertIn("waiting for you 30 s (75 %)", self.view(times={"user": 30.0, "tools": 10.0}).text)

    def test_pieces(self) -> None:
        """Each leads to where it was first sent; those beyond the bound are counted; hostile names are text."""
        unknown = dict.fromkeys(("tool", "server", "carry_cost"))
        piece = {"tokens": 10, "sent": 3, "name": '"><img src=x>', "kind": "tool_result", "seq": 4, **unknown}
        page = self.view(pieces=[piece] * (PIECES + 2))
        section = page.one("section", id="weights")
        self.assertEqual(section.all("a")[0].attributes["href"], "/s/s?from=4#step-4")
        self.assertIn("2 smaller pieces not shown", section.text)
        self.assertEqual(misdeeds(page), [])

    def test_every_step(self) -> None:
        """By turn and step, each a link."""
        heads = [each.text for each in self.view().one("section", id="steps").one("tbody").all("th")]
        self.assertEqual(heads[0], "1.1")
