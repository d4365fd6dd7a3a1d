"""Tests of the list of sessions as a page."""

from typing import Any

from ccsproxy.dashboard.lists.sessions_view import ROWS
from test.dashboard import specimens
from test.dashboard.scene import DashboardCase


class SessionsPageTests(DashboardCase):
    """What there is, narrowed and paged."""

    def setUp(self) -> None:
        """Keep calls of two directories and many sessions."""
        super().setUp()
        records = [make(number) for number, (make, _, _) in enumerate(specimens.DIALECTS.values(), 1)]
        self.keep(*records, self.session("other", cwd='/srv/it,"<b>'))

    def session(self, sid: str, cwd: str) -> dict[str, Any]:
        client = {"name": "codex", "version": "1", "cwd": cwd, "session": sid}
        return specimens.anthropic(1, session_id=sid, client=client)

    def test_sessions(self) -> None:
        """Each session has a row; the form narrows the list by what there is."""
        page = self.page("/sessions")
        self.assertEqual(len(page.all("tr", data_testid="session-row")), 2)
        form = page.one("form", data_testid="session-filters")
        offered = [each.attributes["value"] for each in form.one("select", name="cwd").all("option")]
        self.assertEqual(set(offered), {"", "/home/dev/ledger", '/srv/it,"<b>'})
        narrowed = self.page("/sessions?client=codex")
        self.assertEqual(len(narrowed.all("tr", data_testid="session-row")), 1)
        self.assertEqual(narrowed.one("option", value="codex").attributes["selected"], "")
        self.assertIn("No session", self.page("/sessions?client=nobody").text)

    def test_pages_of_sessions(self) -> None:
        """More sessions than fit are on further pages."""
        self.keep(*(self.session(f"s{number}", cwd="/x") for number in range(ROWS)))
        first = self.page("/sessions")
        self.assertEqual(len(first.all("tr", data_testid="session-row")), ROWS)
        second = self.page(str(first.one("a", rel="next").attributes["href"]))
        self.assertEqual(len(second.all("tr", data_testid="session-row")), 2)
        self.assertEqual(second.one("a", rel="prev").attributes["href"], "/sessions")
