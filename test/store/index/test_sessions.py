"""Tests of what a session's row says of the requests in it."""

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.index.sessions import SessionTotals
from ccsproxy.store.summary import Summary, read_entry, summarise
from test.store.corpus import Corpus


class FoldTests(SynchronousTestCase):
    """Requests taken in one after the other."""

    def setUp(self) -> None:
        record = next(Corpus().records(1))
        self.row = summarise(read_entry(msgspec.json.encode(record)))
        self.totals = SessionTotals(session_id="s", started_key=1, last_key=1, started_at=self.row.started_at)

    def fold(self, **changes: object) -> Summary:
        row = msgspec.structs.replace(self.row, **changes)
        self.totals.fold(self.totals.last_key + 1, row, was_in_flight=False)
        return row

    def test_the_first_call_to_a_model_says_who_it_is(self) -> None:
        """Probes come before it from other libraries; a version that it does not tell is not theirs."""
        self.fold(category="models", dialect=None, client="python-httpx", client_version="0.28", cwd="/probe")
        self.assertEqual((self.totals.client, self.totals.client_version), ("python-httpx", "0.28"))
        self.fold(client="codex", client_version=None, cwd=None)
        self.assertEqual((self.totals.client, self.totals.client_version), ("codex", None))
        self.assertEqual(self.totals.cwd, "/probe")
        self.fold(client="another", client_version="9", cwd="/other")
        self.assertEqual((self.totals.client, self.totals.client_version, self.totals.cwd), ("codex", None, "/probe"))
        self.fold(client="codex", client_version="0.171")
        self.assertEqual(self.totals.client_version, "0.171")
        self.assertEqual(self.totals.clients.split("\n"), ["python-httpx", "codex", "another"])
        self.assertEqual(self.totals.request_count, 4)
