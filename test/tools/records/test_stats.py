"""``ccsproxy stats``: sums."""

import json

from test.tools.commands import CommandCase


class StatsTests(CommandCase):
    """Sums."""

    def reindexed(self) -> None:
        self.assertEqual(self.run_command("reindex")[0], 0)

    def test_stats(self) -> None:
        """Sums by model and in total."""
        self.reindexed()
        _, out, _ = self.run_command("stats")
        self.assertTrue(out.splitlines()[-1].startswith("total"))
        self.assertEqual(json.loads(self.run_command("stats", "--json")[1])["totals"]["requests"], 12)
