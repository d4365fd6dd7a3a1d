"""Tests of the order of a session's requests."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.session.turns import agents, turns

_NAMES = st.sampled_from([None, "a", "b", "c"])


def summary(seq: int, **more: Any) -> dict[str, Any]:
    """Return a summary of a call to a model."""
    return {"seq": seq, "category": "model", "model": "m", **more}


class TurnsTests(SynchronousTestCase):
    """Every request stands once, where it is read."""

    @given(st.lists(st.tuples(_NAMES, _NAMES, _NAMES), max_size=14))
    def test_each_stands_once(self, calls: list[tuple[Any, Any, Any]]) -> None:
        """Whatever agents say of one another: none is lost, each branch keeps its order, places count up."""
        given_ = [
            summary(seq, agent=agent, parent_agent=parent, thread=thread)
            for seq, (agent, parent, thread) in enumerate(calls, 1)
        ]
        found = turns(given_[::-1])
        self.assertEqual(sorted(turn.seq for turn in found), [each["seq"] for each in given_])
        self.assertEqual([turn.place for turn in found], list(range(1, len(found) + 1)))
        lanes: dict[Any, list[int]] = {}
        for turn in found:
            lanes.setdefault((turn.summary["agent"], turn.summary["thread"]), []).append(turn.seq)
        self.assertTrue(all(each == sorted(each) for each in lanes.values()))

    def test_calls_of_no_model(self) -> None:
        """They stand aside and have no place."""
        found = turns([summary(1), summary(2, category="count"), summary(3)])
        self.assertEqual([(turn.place, turn.aside) for turn in found], [(1, False), (0, True), (2, False)])

    def test_branches_are_counted(self) -> None:
        """Each sub-agent once, however many calls it made."""
        found = turns([summary(1), summary(2, agent="x"), summary(3, agent="x"), summary(4, agent="y")])
        self.assertEqual(agents(found), 2)
