"""Tests of two calls that are chosen by hand."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.diff.chosen import compare_page
from ccsproxy.store.reader.reader import NotKept
from test.dashboard import specimens
from test.dashboard.reading_page import Element, misdeeds, shown


class Records:
    """A reader of a few records."""

    def __init__(self, *records: dict[str, Any]) -> None:
        self._records = {(each["session_id"], each["seq"]): each for each in records}

    def record(self, sid: str, seq: int) -> dict[str, Any]:
        if (sid, seq) not in self._records:
            raise NotKept("there is no such request")
        return self._records[sid, seq]

    def requests(self, query: Any) -> Any:
        return type("Page", (), {"items": list(self._records.values())})()


class ChosenTests(SynchronousTestCase):
    """Any two calls, of one session or of two."""

    def page(self, **given: str) -> Element:
        """Show the page over two records."""
        reader: Any = Records(specimens.chat(1), specimens.chat(2, session_id="other"))
        return shown(list(compare_page(reader, given, None).body))  # type: ignore[arg-type]

    def test_places_as_they_are_pasted(self) -> None:
        """As session and number, or as the address of a page, with whatever stands around it."""
        whole = f"http://127.0.0.1:8788/x/{specimens.SID}/1?view=raw#hit"
        for text in (f"{specimens.SID}/1", f"  /x/{specimens.SID}/1", whole):
            page = self.page(a=text, b="other/2")
            self.assertEqual(page.one("p", class_="told").text[:9], "From call")
        self.assertEqual(self.page(a="what?", b="/").all("p", class_="told"), [])

    def test_one_call(self) -> None:
        """Others of its model are offered, itself is not."""
        offered = self.page(b="other/2").one("ul", class_="offered")
        links = [each.attributes["href"] for each in offered.all("a")]
        self.assertEqual(links, [f"/diff?a={specimens.SID}%2F1&b=other%2F2"])

    def test_what_is_gone(self) -> None:
        """It is said, and what was typed stays in the form, as text."""
        page = self.page(a="gone/7", b="other/2")
        self.assertIn("There is no such request.", page.text)
        self.assertEqual(page.one("input", id="compare-a").attributes["value"], "gone/7")
        self.assertEqual(misdeeds(self.page(a='"><img src=x>', b="other/2")), [])
