"""Tests of the view of a list of calls."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.dashboard.html import figures
from ccsproxy.dashboard.lists.requests_view import PREVIEW, median, row_of, strips


class RowTests(SynchronousTestCase):
    """Rows of the list."""

    def test_running(self) -> None:
        """A call that runs has no figures but says so."""
        row = row_of({"session_id": "a b", "seq": 3, "outcome": None, "method": "POST", "path": "/v1/messages"})
        self.assertTrue(row.running)
        self.assertEqual((row.what, row.href, row.output), ("POST /v1/messages", "/x/a%20b/3", figures.UNKNOWN))

    def test_what_was_found_comes_first(self) -> None:
        """The passage that a search found stands where else the prompt does, else what was called."""
        self.assertEqual(row_of({"preview": "p", "excerpt": "e", "outcome": "complete"}).what, "e")
        self.assertEqual(row_of({"tools": ["Read", "Bash"]}).what, "calls Read, Bash")
        self.assertEqual(len(row_of({"preview": "x" * 999}).what), PREVIEW)

    def test_prompts_are_whole(self) -> None:
        """Cached and new are parts of one prompt; where the uncached part is unknown, so is the whole."""
        counts = {"input_tokens": 10, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 60}
        row = row_of(counts)
        self.assertEqual((row.prompt, row.cached, row.fresh, row.share), ("100", "30 %", "70", 0.3))
        row = row_of({**counts, "input_tokens": None})
        self.assertEqual((row.prompt, row.cached, row.fresh, row.share), (*[figures.UNKNOWN] * 3, None))


class StripTests(SynchronousTestCase):
    """The charts above a list."""

    def test_strips_need_two(self) -> None:
        """One request makes no chart; unknown figures have no bar."""
        item = {"outcome": "complete", "duration_ms": 10.0, "ttft_ms": None}
        self.assertEqual(strips([item]), [])
        latency, tokens = strips([item, item])
        self.assertEqual([bar.height for bar in latency.bars], [10.0, 10.0])
        self.assertEqual([bar.height for bar in tokens.bars], [0, 0])

    def test_the_oldest_is_drawn_first(self) -> None:
        """A list has the newest first, a chart of time the oldest; what runs is not drawn."""
        items: list[dict[str, Any]] = [
            {"outcome": None},
            {"outcome": "complete", "duration_ms": 9.0, "ttft_ms": 4.0, "has_error": True},
            {"outcome": "complete", "duration_ms": 1.0},
        ]
        latency, _ = strips(items)
        self.assertEqual([list(bar.parts) for bar in latency.bars], [[(0.0, "wait"), (1.0, "stream")],
                                                                     [(4.0, "wait"), (5.0, "bad")]])  # fmt: skip

    def test_median(self) -> None:
        """Of none there is none."""
        self.assertEqual([median([]), median([3]), median([9, 1, 5])], [None, 3, 5])
