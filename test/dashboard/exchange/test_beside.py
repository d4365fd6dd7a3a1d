"""Tests of a call beside a list."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.exchange.beside import beside_head, selected_call
from ccsproxy.store.reader.reader import NotKept
from test.dashboard import specimens
from test.dashboard.reading_page import shown


class NothingKept:
    """A reader of an empty store."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def record(self, sid: str, seq: int) -> dict[str, Any]:
        self.asked.append((sid, seq))
        raise NotKept("there is no such request")


class SelectedTests(SynchronousTestCase):
    """What an address selects."""

    def test_places(self) -> None:
        """A session and a number; anything else selects nothing, and is not looked for."""
        reader: Any = NothingKept()
        for text in ("", "s", "s/", "s/0", "s/x", "/1", "a/b/1", "s/1x", "s/" + "9" * 20):
            self.assertEqual(selected_call(reader, {"sel": text}, None), [])  # type: ignore[arg-type]
        self.assertEqual(reader.asked, [])

    def test_what_is_gone(self) -> None:
        """It is said in a sentence; the list stands all the same."""
        reader: Any = NothingKept()
        (said,) = selected_call(reader, {"sel": "s/7"}, None)  # type: ignore[arg-type]
        self.assertEqual((shown(said).text, reader.asked), ("There is no such request.", [("s", 7)]))


class HeadTests(SynchronousTestCase):
    """Which call it is."""

    def test_ways(self) -> None:
        """To all of it, with the words that were searched for, and to its place in the session."""
        head = beside_head(specimens.anthropic(3), {"preview": "why?"}, "turn 1, step 2", "refund")
        links = [each.attributes["href"] for each in shown(head).all("a")]
        sid = specimens.SID
        self.assertEqual(links, [f"/x/{sid}/3?q=refund", f"/s/{sid}?from=3#step-3", f"/diff?b={sid}/3"])
        self.assertEqual(shown(head).one("h2").text, "why?")
        self.assertIn("turn 1, step 2", shown(head).text)
