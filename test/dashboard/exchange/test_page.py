"""Tests of the page of a call."""

from test.dashboard import specimens
from test.dashboard.scene import DashboardCase


class ExchangePageTests(DashboardCase):
    """Head, tabs, neighbours, and landing on what was searched for."""

    def setUp(self) -> None:
        """Keep a conversation."""
        super().setUp()
        self.keep(*specimens.conversation(3, branch_at=0))
        self.path = f"/x/{specimens.SID}/2"

    def test_tabs(self) -> None:
        """Each is a page of its own, which says which one it is; another name is no page."""
        for view in ("overview", "request", "response", "headers", "raw"):
            page = self.page(f"{self.path}?view={view}")
            self.assertEqual(page.one("nav", class_="tabs-list").one("a", aria_current="page").text.lower(), view)
        self.page(f"{self.path}?view=entrails", 404)
        self.page(f"/x/{specimens.SID}/99", 404)

    def test_replay(self) -> None:
        """The command that sends a call again is there to be copied, where there is a proxy to send it through."""
        button = self.page(self.path).one("button", data_testid="replay")
        self.assertEqual(button.attributes["data-copy"], f"ccsproxy replay {specimens.SID}/2")

    def test_forms_of_a_body(self) -> None:
        """Structured or JSON, each leading to the other."""
        page = self.page(f"{self.path}?view=request&form=json")
        self.assertEqual(page.one("p", class_="form").one("a", aria_current="page").text, "JSON")
        self.assertIn('"messages"', page.one("main").text)

    def test_landing(self) -> None:
        """A search lands on the words, marked, and says where they are not on this tab."""
        page = self.page(f"{self.path}?view=request&q=test_headers")
        self.assertEqual(page.one("mark", id="hit").text, "test_headers")
        self.assertTrue(page.one("p", id="to-hit").all("a", href="#hit"))
        self.assertIn("not on this tab", self.page(f"{self.path}?view=headers&q=test_headers").text)

    def test_neighbours(self) -> None:
        """Before, after, what changed against the turn before; the first has nothing before it."""
        links = self.page(self.path).one("body").attributes
        self.assertEqual(links["data-previous"], f"/x/{specimens.SID}/1")
        self.assertEqual(links["data-next"], f"/x/{specimens.SID}/3")
        self.assertEqual(links["data-diff"], f"/diff/{specimens.SID}/1/2")
        first = self.page(f"/x/{specimens.SID}/1").one("body").attributes
        self.assertNotIn("data-previous", first)
        self.assertNotIn("data-diff", first)

    def test_beside(self) -> None:
        """The short form, without a frame, for the list that it stands beside."""
        part = self.page(f"{self.path}?part=beside")
        self.assertEqual((part.all("nav", aria_label="Main"), len(part.all("a", data_testid="open-beside"))), ([], 1))
