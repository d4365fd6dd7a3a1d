"""Tests of the neighbours of an exchange."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.session.siblings import Siblings, lane_of, siblings


def summary(seq: int, **more: Any) -> dict[str, Any]:
    """Return a summary of a call to a model."""
    return {"seq": seq, "session_id": "s", "category": "model", "model": "m", "outcome": "complete", **more}


class SiblingTests(SynchronousTestCase):
    """The neighbours of an exchange."""

    def test_turn_before(self) -> None:
        """The turn before is of the same agent and model; a side call to a small model is passed over."""
        requests = [summary(1), summary(2, model="small"), summary(3, agent="a"), summary(4)]
        near = siblings(requests, 4)
        self.assertEqual((near.previous, near.next, near.turn_before), (3, None, 1))
        self.assertIsNone(siblings(requests, 1).turn_before)
        self.assertIsNone(siblings(requests, 9).previous)

    def test_whatever_order_they_come_in(self) -> None:
        """By their numbers, not by their places."""
        self.assertEqual(siblings([summary(5), summary(2), summary(9)], 5), Siblings(2, 9, 2))

    def test_another_model_only_where_there_is_no_other(self) -> None:
        """A conversation that changed its model goes on; calls of other kinds are none of it."""
        requests = [summary(1, model="old"), summary(2, category="count"), summary(3)]
        self.assertEqual(siblings(requests, 3).turn_before, 1)

    def test_lanes(self) -> None:
        """Agent and thread tell them apart."""
        self.assertNotEqual(lane_of(summary(1, agent="a")), lane_of(summary(1, thread="a")))
