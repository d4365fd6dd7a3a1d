"""Tests of the receipt: sums, what is lacking, and how it reads."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.launch.receipt import Receipt, sum_up


def row(**more: object) -> dict[str, object]:
    """Return a row of the list of requests."""
    return {"session_id": "s", "seq": 1, "category": "model", "has_error": False, "outcome": "complete", **more}


class ReceiptTests(SynchronousTestCase):
    """What a run came to."""

    def test_sums(self) -> None:
        """Cached tokens are sent ones too; unpriced calls are counted; what the user broke off is no error."""
        found = sum_up(
            [
                row(input_tokens=100, cache_read_input_tokens=900, cost=0.5),
                row(input_tokens=50, cost=None, unpriced="model", session_id="t"),
                row(session_id="t", has_error=True, outcome="client_disconnected", unpriced=None, cost=0.25),
                row(session_id="t", has_error=True, outcome="http_error", unpriced=None, cost=None),
            ]
        )
        self.assertEqual(found, Receipt(4, 1050, 900, 0.75, 1, 1, ("t", "s")))
        first, second = found.lines("http://127.0.0.1:8788")
        self.assertEqual(first[:32], "ccsproxy: 4 calls, 1.1k tokens s"[:32])
        for words in ("85 % cached", "$0.75 + 1 call of unknown cost", "1 error"):
            self.assertIn(words, first)
        self.assertIn("http://127.0.0.1:8788/s/t", second)
        self.assertIn("ccsproxy why t", second)

    def test_no_word_of_a_cache(self) -> None:
        """Where no call says what was cached, no share is said."""
        first = sum_up([row(input_tokens=100, cost=0.5)]).lines("")[0]
        self.assertIn("100 tokens sent,", first)
        self.assertNotIn("cached", first)

    def test_nothing_seen(self) -> None:
        """A run of which nothing was seen says so, and who knows why."""
        self.assertIn("doctor", Receipt().lines("")[0])

    def test_what_is_worth_knowing(self) -> None:
        """Retries are counted, the weightiest finding is said, a budget that is spent is named."""
        receipt = Receipt(
            2, 10, 0, 0.1, 0, 0, ("s",), 1, ("The cache missed.", "b", "c"), ("the budget day is spent",)
        )
        first, finding, budget, see = receipt.lines("")
        self.assertIn("1 retry", first)
        self.assertEqual(finding.strip(), "The cache missed. (2 more findings)")
        self.assertEqual(
            (budget.strip(), see.strip()), ("the budget day is spent", "ccsproxy open s    ccsproxy why s")
        )

    def test_nothing_priced(self) -> None:
        """No cost is not a cost of nothing."""
        self.assertNotIn("$", sum_up([row(unpriced="model")]).lines("")[0])
