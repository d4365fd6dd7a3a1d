"""Tests of the filters of the list of calls."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.lists.filters import OFFERED, active, chips, filter_form
from test.dashboard.reading_page import Element, misdeeds, shown


class FormTests(SynchronousTestCase):
    """A plain form, whose values are the address of the list."""

    def options(self, page: Element, name: str) -> list[tuple[str | None, bool]]:
        """Return the values that a filter offers, each with whether it is chosen."""
        found = page.one("select", id=f"filter-{name}").all("option")
        return [(each.attributes.get("value"), "selected" in each.attributes) for each in found]

    def test_what_is_chosen_stays(self) -> None:
        """Also a value that no record has any more, and one beyond those that are offered."""
        many = [f"m{number}" for number in range(OFFERED + 5)]
        page = shown(filter_form({"model": "gone", "upstream": "m203"}, {"model": ["opus"], "upstream": many}))
        self.assertEqual(self.options(page, "model"), [("", False), ("gone", True), ("opus", False)])
        chosen = self.options(page, "upstream")
        self.assertEqual((len(chosen), ("m203", True) in chosen), (OFFERED + 2, True))

    def test_times_are_as_the_field_wants_them(self) -> None:
        """Without a zone, and a day with the time at which it begins."""
        page = shown(filter_form({"since": "2026-11-20", "until": "2026-11-21T08:07:06Z"}, {}))
        values = [page.one("input", id=f"filter-{name}").attributes["value"] for name in ("since", "until")]
        self.assertEqual(values, ["2026-11-20T00:00", "2026-11-21T08:07:06"])

    def test_the_query_goes_along(self) -> None:
        """What was searched for is no filter of the form, and not lost by it; what is set can be cleared."""
        page = shown(filter_form({"q": "refund"}, {}))
        self.assertEqual(page.one("input", name="q").attributes["value"], "refund")
        self.assertEqual(page.one("summary").text, "Filters")
        self.assertTrue(page.all("a", href="/calls"))
        self.assertEqual(shown(filter_form({}, {})).all("a"), [])


class ChipsTests(SynchronousTestCase):
    """The filters that are set, each to be removed."""

    def test_each_leads_to_the_list_without_it(self) -> None:
        """Filters by their titles, pieces of the query as they were understood, outcomes by their words."""
        page = shown(chips({"q": "model:opus refund", "outcome": "http_error", "before": "7"}))
        said = [(each.text, each.one("a").attributes["href"]) for each in page.all("li")]
        self.assertEqual(said, [
            ("Outcome HTTP error \N{MULTIPLICATION SIGN}", "/calls?q=model%3Aopus+refund"),
            ("model:opus \N{MULTIPLICATION SIGN}", "/calls?q=refund&outcome=http_error"),
            ("refund \N{MULTIPLICATION SIGN}", "/calls?q=model%3Aopus&outcome=http_error"),
        ])  # fmt: skip

    def test_none(self) -> None:
        """No filter is no list; a value that means nothing is shown as text."""
        self.assertIsNone(chips({"before": "7"}))
        self.assertEqual(misdeeds(shown(chips({"model": '"><script>'}))), [])
        self.assertEqual(active({"model": "", "cwd": "/x", "strange": "y"}), {"cwd": "/x"})
