"""Tests of header fields of limits, in words."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.exchange.limit_headers import explained, meaning, pairs_of, readable


class LimitTests(SynchronousTestCase):
    """Header fields of limits, in words."""

    def test_meanings(self) -> None:
        """The fields of each provider are known, others are not taken for limits."""
        for name, part in (
            ("anthropic-ratelimit-unified-5h-utilization", "window 5h"),
            ("anthropic-ratelimit-requests-remaining", "requests: how many are left"),
            ("x-ratelimit-limit-tokens", "tokens: how many in a window"),
            ("Retry-After", "to wait"),
            ("x-codex-primary-used-percent", "primary"),
        ):
            self.assertIn(part, str(meaning(name)))
        self.assertIsNone(meaning("content-type"))
        self.assertEqual(
            (readable("0.61"), readable("1764500000"), readable("x")), ("61%", "30 Nov, 10:53:20 UTC", None)
        )
        self.assertEqual(explained([["a", "b"], ["retry-after", "4"]])[0][:2], ("retry-after", "4"))

    def test_the_special_before_the_general(self) -> None:
        """Milliseconds are not seconds, and a window's share is none of its limits."""
        self.assertIn("milliseconds", str(meaning("retry-after-ms")))
        self.assertIn("how full", str(meaning("anthropic-ratelimit-unified-7d-utilization")))

    def test_pairs(self) -> None:
        """In the order in which they came, else as the mapping has them; of nothing none."""
        self.assertEqual(pairs_of({"headers_raw": [["A", "1"]], "headers": {"a": "2"}}), [["A", "1"]])
        self.assertEqual(pairs_of({"headers": {"a": "2"}}), [("a", "2")])
        self.assertEqual(pairs_of(None), [])
