"""Tests of findings as sentences with their evidence."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.answers.findings_view import SHOWN, findings_list
from test.dashboard.reading_page import misdeeds, shown


def finding(text: str = "it was dear", **more: Any) -> dict[str, Any]:
    """Return a finding about a call."""
    return {"session_id": "s", "seq": 3, "kind": "cache", "text": text, "links": [], **more}


class FindingsTests(SynchronousTestCase):
    """Each leads to the call that shows it."""

    def test_where_it_leads(self) -> None:
        """To its call, else to its session; on the call's own page the sentence is no link to itself."""
        self.assertEqual(shown(findings_list([finding()])).one("a").attributes["href"], "/x/s/3")
        self.assertEqual(shown(findings_list([finding(seq=None)])).one("a").attributes["href"], "/s/s")
        self.assertEqual(shown(findings_list([finding()], here=("s", 3))).all("a"), [])

    def test_evidence(self) -> None:
        """Several calls are linked each; a single one is where the sentence leads already."""
        links = [{"seq": seq, "text": f"turn {seq}"} for seq in (3, 4)]
        found = [each.attributes["href"] for each in shown(findings_list([finding(links=links)])).all("a")]
        self.assertEqual(found, ["/x/s/3", "/x/s/3", "/x/s/4"])
        self.assertEqual(len(shown(findings_list([finding(links=links[:1])])).all("a")), 1)
        elsewhere = shown(findings_list([finding(links=links)], here=("s", 3))).all("a")
        self.assertEqual([each.attributes["href"] for each in elsewhere], ["/x/s/4"])

    def test_the_rest_is_folded(self) -> None:
        """The weightiest stand open; how many more there are is said; of none there is nothing."""
        page = shown(findings_list([finding(str(n)) for n in range(SHOWN + 2)], titled=True))
        self.assertEqual(page.one("summary").text, "2 more")
        self.assertEqual(len(page.one("details").all("li")), 2)
        self.assertIsNone(findings_list([]))

    def test_hostile_words(self) -> None:
        """Titles and sentences are text."""
        nasty = '"><img src=x onerror=y>'
        page = shown(findings_list([finding(nasty, title=nasty, kind=nasty, session_id=nasty)], titled=True))
        self.assertEqual(misdeeds(page), [])
