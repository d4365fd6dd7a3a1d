"""Tests of the page of the overview."""

from typing import Any

from test.dashboard import specimens
from test.dashboard.scene import DashboardCase


class OverviewPageTests(DashboardCase):
    """The pages over a store."""

    def setUp(self) -> None:
        """Keep calls of two directories and many sessions."""
        super().setUp()
        records = [make(number) for number, (make, _, _) in enumerate(specimens.DIALECTS.values(), 1)]
        self.keep(*records, self.session("other", cwd='/srv/it,"<b>'))

    def session(self, sid: str, cwd: str) -> dict[str, Any]:
        client = {"name": "codex", "version": "1", "cwd": cwd, "session": sid}
        return specimens.anthropic(1, session_id=sid, client=client)

    def test_overview(self) -> None:
        """The cost is split by whatever is asked for; charts have axes and their values in a table."""
        page = self.page("/overview?span=all")
        projects = page.one("section", data_testid="split")
        self.assertIn('/srv/it,"<b>', projects.text)
        self.assertIn("/home/dev/ledger", projects.text)
        charts = page.all("section", data_testid="chart")
        self.assertGreaterEqual(len(charts), 3)
        for chart in charts:
            chart.one("details", class_="chart-table").one("table")
        for by in ("client", "account", "model", "upstream", "tool", "server", "kind", "agent", "day", "odd"):
            self.page(f"/overview?span=all&by={by}").one("section", data_testid="split")
        for span in ("1h", "today", "1d", "week", "7d", "month", "30d", "odd"):
            self.page(f"/overview?span={span}")
        self.page("/overview?since=2026-11-20T00:00&until=2026-11-21T00:00&by=model")
        self.page("/overview?since=tomorrow", 400)
