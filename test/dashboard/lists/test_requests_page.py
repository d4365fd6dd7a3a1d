"""Tests of the list of calls as a page."""

from ccsproxy.dashboard.lists.requests_view import ROWS
from test.dashboard import specimens
from test.dashboard.scene import DashboardCase


class RequestsPageTests(DashboardCase):
    """Filtered, sorted, paged; live where what is new belongs on top."""

    def setUp(self) -> None:
        """Keep more calls than a page has."""
        super().setUp()
        self.keep(*(specimens.chat(seq, model="m" if seq % 2 else "n") for seq in range(1, ROWS + 4)))

    def seqs(self, path: str) -> list[int]:
        """Return the numbers of the calls that a page lists."""
        rows = self.page(path).all("tr", data_testid="row")
        return [int((each.attributes["data-key"] or "/0").rpartition("/")[2]) for each in rows]

    def test_pages_join(self) -> None:
        """The newest first; further calls follow without a gap, also where the list is sorted by something else."""
        for path in ("/calls", "/calls?q=sort:duration"):
            first = self.page(path)
            following = str(first.one("a", data_testid="older").attributes["href"])
            listed = [*self.seqs(path), *self.seqs(following)]
            listed = [seq for seq in listed if seq]  # the row that the script makes others of has none
            self.assertEqual(sorted(listed), list(range(1, ROWS + 4)))

    def test_live_only_where_new_ones_come_first(self) -> None:
        """On the first page in the usual order, and nowhere else."""
        live = [
            "data-live" in self.page(path).one("div", id="requests").attributes
            for path in ("/calls", "/calls?q=sort:cost", "/calls?before=9999999999999999")
        ]
        self.assertEqual(live, [True, False, False])

    def test_sums_are_of_all_that_passes(self) -> None:
        """Not of the page; the line can be had alone."""
        self.assertIn(f"{ROWS + 3} calls", self.page("/calls").one("p", id="sums").text)
        part = self.page("/calls?model=n&part=sums")
        self.assertIn(f"{(ROWS + 3) // 2} calls", part.one("p", id="sums").text)
        self.assertEqual(part.all("nav"), [])

    def test_filters_that_leave_nothing(self) -> None:
        """Say so, and lead out; what cannot be meant is an error that says which word."""
        self.assertTrue(self.page("/calls?model=none").all("p", id="nothing"))
        self.assertIn("cost", self.page("/calls?q=cost:lots", 400).text)
