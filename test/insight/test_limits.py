"""Limits: what headers say, and what is made of a row of readings."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.insight.collect import milliseconds
from ccsproxy.insight.facts import Call
from ccsproxy.insight.limits.forecast import limits_now
from ccsproxy.insight.limits.readings import readings

T0 = 1_796_000_000_000
HOUR = 3_600_000


def call(at_ms: int, said: dict[str, str], **more: Any) -> Call:
    return Call(
        session_id="s", seq=1, started_ms=at_ms, limits=tuple(said.items()), **{"upstream": "anthropic", **more}
    )


def unified(at_ms: int, five: float, week: float = 0.1, reset_ms: int = T0 + 4 * HOUR) -> Call:
    stem = "anthropic-ratelimit-unified-"
    said = {
        stem + "representative-claim": "five_hour",
        stem + "5h-utilization": str(five),
        stem + "5h-reset": str(reset_ms // 1000),
        stem + "7d-utilization": str(week),
        stem + "7d-reset": str(T0 // 1000 + 5 * 86400),
    }
    return call(at_ms, said, account="me")


class LimitTests(SynchronousTestCase):
    """States and forecasts."""

    def now(self, calls: list[Call], now_ms: int) -> dict[str, dict[str, Any]]:
        return {each["name"]: each for each in limits_now(readings(calls), now_ms)}

    def test_forecast(self) -> None:
        """10 % an hour from 20 % on: not within this window; 40 % an hour: within two hours."""
        slow = [unified(T0 + n * HOUR // 4, 0.2 + n * 0.025) for n in range(5)]
        got = self.now(slow, T0 + HOUR)["5h"]
        self.assertAlmostEqual(got["per_hour"], 0.1, places=3)
        self.assertIs(got["reached_before_reset"], False)
        fast = [unified(T0 + n * HOUR // 4, 0.2 + n * 0.1) for n in range(5)]
        got = self.now(fast, T0 + HOUR)["5h"]
        self.assertIs(got["reached_before_reset"], True)
        self.assertEqual(milliseconds(got["reached_from"]), T0 + 2 * HOUR)

    def test_few_readings(self) -> None:
        """Two readings are no line."""
        got = self.now([unified(T0, 0.2), unified(T0 + HOUR, 0.6)], T0 + HOUR)["5h"]
        self.assertIsNone(got["per_hour"])

    def test_reset(self) -> None:
        """A window whose time has come says nothing, neither 0 nor its last fill."""
        got = self.now([unified(T0, 0.9)], T0 + 5 * HOUR)["5h"]
        self.assertIsNone(got["used"])
        self.assertIn("reset", got["state"])

    def test_no_time_of_reset(self) -> None:
        """A window of which only the fill was given says nothing either once its whole length has passed."""
        said = {
            "anthropic-ratelimit-unified-5h-utilization": "0.61",
            "anthropic-ratelimit-unified-7d-utilization": "0.2",
        }
        got = self.now([call(T0, said)], T0 + 5 * HOUR)
        self.assertEqual((got["5h"]["used"], got["5h"]["last_used"]), (None, 0.61))
        self.assertEqual(got["7d"]["used"], 0.2)
        self.assertTrue(got["7d"]["binding"])
        self.assertEqual(self.now([call(T0, said)], T0 + 5 * HOUR - 1)["5h"]["used"], 0.61)

    def test_just_begun(self) -> None:
        """A window that is full a minute after it began is doubted."""
        got = self.now([unified(T0, 0.99, reset_ms=T0 + 5 * HOUR - 60_000)], T0)["5h"]
        self.assertEqual(got["state"], "doubtful")

    def test_full_week_binds(self) -> None:
        """A full week blocks, whatever is named."""
        got = self.now([unified(T0, 0.1, week=1.0)], T0)
        self.assertEqual([name for name, each in got.items() if each["binding"]], ["7d"])

    def test_codex(self) -> None:
        """Only the minutes tell which window a slot is; one of 0 minutes is empty."""
        said = {
            "x-codex-primary-used-percent": "37",
            "x-codex-primary-window-minutes": "10080",
            "x-codex-primary-reset-after-seconds": "600",
            "x-codex-secondary-used-percent": "0",
            "x-codex-secondary-window-minutes": "0",
            "x-codex-bengalfox-primary-used-percent": "5",
            "x-codex-bengalfox-primary-window-minutes": "300",
        }
        got = self.now([call(T0, said, upstream="openai")], T0)
        self.assertEqual({name: each["used"] for name, each in got.items()}, {"7d": 0.37, "bengalfox 5h": 0.05})

    def test_per_minute(self) -> None:
        """API keys have limits a minute: numbers, and durations until they begin anew."""
        said = {
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "10",
            "anthropic-ratelimit-requests-reset": "2026-11-30T12:00:10Z",
            "anthropic-fast-input-tokens-limit": "0",
            "anthropic-fast-input-tokens-remaining": "0",
            "x-ratelimit-limit-tokens": "1000",
            "x-ratelimit-remaining-tokens": "250",
            "x-ratelimit-reset-tokens": "6m0s",
        }
        at = milliseconds("2026-11-30T12:00:00Z")
        got = self.now([call(at, said)], at)
        self.assertEqual({name: each["used"] for name, each in got.items()}, {"requests": 0.8, "tokens": 0.75})
