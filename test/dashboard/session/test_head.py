"""Tests of the head of a session."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.session.head import session_head, session_title
from test.dashboard.reading_page import misdeeds, shown

META: dict[str, Any] = {"title": "Fix it", "cwd": "/home/dev/ledger/", "client": "claude-code", "models": ["opus"]}


class HeadTests(SynchronousTestCase):
    """What it was, where, with what, what it cost and where the time went."""

    def test_unknown_is_left_out(self) -> None:
        """While nothing has ended there are no sums, and it says that a call is in flight."""
        page = shown(session_head({"request_count": 1}, None))
        self.assertEqual(page.one("h1").text, "Session without a prompt")
        self.assertIn("a call is in flight", page.text)
        self.assertEqual(page.one("p", class_="figures-line").text, "1 call \N{MIDDLE DOT} –")

    def test_where(self) -> None:
        """The directory by its last part, with the whole of it beside."""
        span = shown(session_head(META, None)).all("span", class_="data")[0]
        self.assertEqual((span.text, span.attributes["title"]), ("ledger", "/home/dev/ledger/"))

    def test_sums(self) -> None:
        """Prompts are whole, a sum that lacks something says what, and times that are nothing are not told."""
        meta = {**META, "request_count": 3, "total_input_tokens": 10, "total_cache_read_input_tokens": 30,
                "cost": 1.5, "unpriced": 1, "errors": 2, "ended_at": "2026-11-20T08:00:00Z"}  # fmt: skip
        told = {"turns": [{"number": 0}, {"number": 1}],
                "totals": {"requests": 3, "calls": 3,
                           "times": {"model": 9.0, "tools": 0.01, "total": 9.5}}}  # fmt: skip
        text = shown(session_head(meta, told)).one("p", class_="figures-line").text
        for said in ("3 calls in 1 turn", "40 sent, 75 % cached", " + ", "2 errors", "9.5 s: model 9.0 s"):
            self.assertIn(said, text)
        self.assertNotIn("tools", text)

    def test_titles(self) -> None:
        """A long one is cut, a hostile one is text."""
        self.assertEqual(len(session_title({"title": "x" * 999})), 240)
        nasty = '"><img src=x onerror=y>'
        self.assertEqual(misdeeds(shown(session_head(dict.fromkeys(("title", "cwd", "client"), nasty), None))), [])
