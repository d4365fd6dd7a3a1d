"""What watchers are told after calls end: findings and budgets, once each."""

from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.api.answers.news import DELAY_S, InsightNews


def finding(kind: str, seqs: list[int], cost: float | None = None) -> dict[str, Any]:
    return {"kind": kind, "text": kind, "seq": seqs[0], "cost": cost, "seconds": None,
            "links": [{"seq": seq, "text": ""} for seq in seqs]}  # fmt: skip


def budget(share: float) -> dict[str, Any]:
    return {"scope": "day", "limit": 10.0, "since": "t", "session_id": None, "spent": 10 * share, "share": share,
            "action": "warn", "state": "near", "bound": False}  # fmt: skip


class Told:
    """Answers what it was told to."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []
        self.shares = [0.1]
        self.looks = 0
        self.waiting: Deferred[None] | None = None

    def findings(self, session_id: str) -> list[dict[str, Any]]:
        self.looks += 1
        return self.found

    def budget(self) -> list[dict[str, Any]]:
        return [budget(share) for share in self.shares]

    def run(self, function: Any, *arguments: Any) -> Any:
        return (
            maybeDeferred(function, *arguments)
            if self.waiting is None
            else self.waiting.addCallback(lambda _: function(*arguments))
        )


class NewsTests(SynchronousTestCase):
    """The clock is the test's."""

    def setUp(self) -> None:
        self.clock, self.told = Clock(), Told()
        self.published: list[dict[str, Any]] = []
        self.news = InsightNews(self.clock, self.told, self.told, self.published.append)  # type: ignore[arg-type]

    def ends(self, *seqs: int) -> list[dict[str, Any]]:
        for seq in seqs:
            self.news.call_ended({"type": "request_completed", "session_id": "s", "seq": seq})
        self.clock.advance(DELAY_S)
        told, self.published[:] = list(self.published), []
        return told

    def test_once(self) -> None:
        """A finding is told when one of the calls belongs to it, and not again."""
        self.told.found = [finding("cache", [1, 4], 0.2), finding("errors", [2])]
        self.assertEqual([(each["kind"], each["seq"]) for each in self.ends(4)], [("cache", 4)])
        self.assertEqual(self.ends(4), [])

    def test_again_when_grown(self) -> None:
        self.told.found = [finding("cache", [1], 0.2)]
        self.assertEqual(len(self.ends(1)), 1)
        self.told.found = [finding("cache", [1, 2], 0.25)]
        self.assertEqual(self.ends(2), [])
        self.told.found = [finding("cache", [1, 2, 3], 0.6)]
        self.assertEqual(len(self.ends(3)), 1)

    def test_a_burst_is_one_look(self) -> None:
        self.ends(*range(1, 200))
        self.assertEqual(self.told.looks, 1)

    def test_calls_that_end_during_a_look(self) -> None:
        """They are looked at in the next one."""
        self.told.waiting = waiting = Deferred()
        self.ends(1)
        self.news.call_ended({"type": "request_completed", "session_id": "s", "seq": 2})
        self.clock.advance(10 * DELAY_S)
        self.assertEqual(self.told.looks, 0)
        self.told.waiting = None
        waiting.callback(None)
        self.clock.advance(DELAY_S)
        self.assertEqual(self.told.looks, 2)

    def test_budget(self) -> None:
        """The first look only remembers; then each mark is told as it is passed."""
        told = []
        for share in (0.5, 0.7, 0.85, 0.9, 1.2, 1.3):
            self.told.shares = [share]
            told += [each["spent"] for each in self.ends(1) if each["type"] == "budget"]
        self.assertEqual(told, [8.5, 12.0])

    def test_first_call_after_the_start(self) -> None:
        """What is spent at the start is remembered, so that the first call can pass a mark."""
        self.news.start()
        self.told.shares = [0.9]
        self.assertEqual([each["type"] for each in self.ends(1)], ["budget"])

    def test_new_day(self) -> None:
        """The first call of a new span is measured from nothing."""
        self.news.start()
        self.told.budget = lambda: [{**budget(1.5), "since": "tomorrow"}]  # type: ignore[method-assign]
        self.assertEqual([each["type"] for each in self.ends(1)], ["budget"])

    def test_other_events(self) -> None:
        self.news.call_ended({"type": "request_started", "session_id": "s", "seq": 1})
        self.assertEqual(self.clock.getDelayedCalls(), [])
