"""What commands ask in common."""

import time
from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.query import Query
from ccsproxy.tools.asking import exchange_of, moment
from ccsproxy.tools.data_dir import CommandError


class MomentTests(SynchronousTestCase):
    """Times on the command line."""

    def test_spans_are_times(self) -> None:
        """``2h`` is two hours ago; a time stays."""
        self.assertLess(abs(int(moment("2h")) - (time.time() - 7200)), 5)
        self.assertEqual(moment("2026-11-20"), "2026-11-20")


class Rows:
    """A store with a row or two."""

    def __init__(self, *categories: str) -> None:
        self.rows = [{"session_id": "s", "seq": seq, "category": each} for seq, each in enumerate(categories, 1)]

    def requests(self, query: Query) -> Any:
        wanted = query.fields.get("category")
        found = [row for row in reversed(self.rows) if wanted is None or row["category"] in wanted]
        return SimpleNamespace(items=found[: query.limit])


class LastTests(SynchronousTestCase):
    """``last``."""

    def last(self, *categories: str) -> tuple[str, int]:
        rows: Any = Rows(*categories)
        return exchange_of(rows, "last")

    def test_the_last_call_of_a_model(self) -> None:
        """What agents report behind it is not meant, unless there is nothing else."""
        self.assertEqual(self.last("model", "model", "telemetry", "other"), ("s", 2))
        self.assertEqual(self.last("other", "telemetry"), ("s", 2))
        self.assertRaises(CommandError, self.last)
