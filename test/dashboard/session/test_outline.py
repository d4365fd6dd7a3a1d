"""Tests of the outline of a session."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.session.outline import STEPS, cache_state, jumps, outline, place, steps_under
from test.dashboard.reading_page import shown


def step(seq: int, **more: Any) -> dict[str, Any]:
    """Return what the conversation says of a step."""
    told = {"cost": 0.1, "seconds": 1.0, "input_tokens": 10, "cache": "hit", "retries": [], "outcome": "complete"}
    return {"seq": seq, "agents": [], **told, **more}


def turn(number: int, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return what the conversation says of a turn."""
    told = {"prompt": f"prompt {number}", "cost": 0.1, "unpriced": 0, "seconds": 1.0, "errors": 0}
    return {"number": number, "steps": list(steps), **told, **more}


class LineTests(SynchronousTestCase):
    """A line a turn."""

    def test_cost_bars(self) -> None:
        """The dearest is full, the others have their share; of unknown cost there is no bar."""
        told = {"turns": [turn(1, step(1), cost=2.0), turn(2, step(2), cost=0.5), turn(3, step(3), cost=None)]}
        bars = [each.attributes["class"] for each in shown(outline("s", told)).all("span", aria_hidden="true")]
        self.assertEqual(bars, [f"cost-bar w{STEPS}", f"cost-bar w{STEPS // 4}", "cost-bar w0"])

    def test_where_it_leads(self) -> None:
        """To the turn's first step; what came before the first message has no number."""
        page = shown(outline("a b", {"turns": [turn(0, step(4), prompt=None), turn(1, errors=2)]}))
        self.assertEqual([each.attributes["href"] for each in page.all("a")],
                         ["/s/a%20b?from=4#turn-0", "/s/a%20b?from=1#turn-1"])  # fmt: skip
        self.assertIn("before the first message", page.text)
        self.assertIn("2 errors", page.text)

    def test_no_turn_yet(self) -> None:
        """The outline is there, for the script to fill."""
        self.assertEqual(shown(outline("s", None)).one("ol", id="outline").children, [])

    def test_the_worst_of_the_cache(self) -> None:
        """One miss is worth more than many hits."""
        for verdicts, state in (
            (("hit", "cold", None), "full"),
            (("hit", "partial"), "part"),
            (("partial", "expired"), "lost"),
        ):
            self.assertEqual(cache_state(turn(1, *(step(n, cache=each) for n, each in enumerate(verdicts)))), state)


class JumpTests(SynchronousTestCase):
    """To the steps that one looks for."""

    def test_each(self) -> None:
        """The costliest, slowest, largest; the first that missed or failed, where one did."""
        first = turn(1, step(1, cost=None, seconds=9.0), step(2, cost=3.0), step(3, input_tokens=None))
        second = turn(2, step(4, input_tokens=99), step(5, cache="miss"), step(6, retries=[7]))
        told = {"turns": [first, second]}
        found = {each.text: each.attributes["href"] for each in shown(jumps("s", told)).all("a")}
        wanted = {"costliest": 2, "slowest": 1, "largest": 4, "missed": 5, "failed": 6}
        self.assertEqual(found, {name: place("s", seq) for name, seq in wanted.items()})

    def test_too_few(self) -> None:
        """One step is no choice."""
        self.assertIsNone(jumps("s", {"turns": [turn(1, step(1))]}))
        self.assertIsNone(jumps("s", None))

    def test_steps_under(self) -> None:
        """Those of sub-agents follow what began them, at any depth."""
        deep = step(1, agents=[{"steps": [step(2, agents=[{"steps": [step(3)]}])]}])
        self.assertEqual([each["seq"] for each in steps_under([deep, step(4)])], [1, 2, 3, 4])
