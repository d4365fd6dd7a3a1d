"""Errors joined with their retries, and how fast answers came, on the generated world."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.reader.aggregates.failures import Failures
from ccsproxy.store.reader.insights import Insights
from ccsproxy.store.reader.reader import Reader
from test.insight.stored import copy_world
from test.insight.world import EPOCH_S


class WorldFailuresTests(SynchronousTestCase):
    """The world has two 529, a 429 and an abort in its dear session."""

    def setUp(self) -> None:
        directory = Path(self.mktemp()).absolute()
        copy_world(directory)
        self.reader = Reader(directory)
        self.addCleanup(self.reader.close)

    def test_by_cause(self) -> None:
        """Each cause says how many of its calls a retry made good, and the time until the next attempt."""
        failures = Failures(self.reader, Insights(self.reader))
        for _ in range(2):
            rows = {row["cause"]: row for row in failures.by_cause(None, None)["rows"]}
            self.assertEqual({cause: row["calls"] for cause, row in rows.items()},
                             {"529 Overloaded": 2, "429 Overloaded": 1, "client disconnected": 1})  # fmt: skip
            self.assertEqual(rows["529 Overloaded"]["recovered"], 2)
            self.assertEqual(rows["client disconnected"]["recovered"], 0)
            self.assertLess(rows["529 Overloaded"]["seconds"], 13)
        self.assertEqual(failures.by_cause(round(EPOCH_S * 1000) + 10**9, None), {"rows": [], "left_out": 0})

    def test_speeds(self) -> None:
        """The speed of answers is output over the time after the first token; what is too short says nothing."""
        found = self.reader.speeds(None, None, 86_400_000)
        self.assertTrue(found)
        for each in found.values():
            self.assertLessEqual(each["p5"], each["p50"])
            self.assertGreater(each["calls"], 0)
        self.assertEqual(self.reader.speeds(4_000_000_000_000, None, 3_600_000), {})
