"""``ccsproxy gc`` and ``keep``: what stays."""

from ccsproxy.store.query import Query
from ccsproxy.store.segments.segment import segments_dir
from ccsproxy.tools.store import gc, keep, reindex, verify
from test.tools.storing import StoreCommandCase


class GcTests(StoreCommandCase):
    """Compressing and expiring."""

    def test_gc_compresses_and_expires(self) -> None:
        """Closed segments are compressed; with a small bound only kept sessions stay."""
        self.call(reindex)
        status, _, _ = self.call(gc, "--retain-days", "0")
        self.assertEqual(status, 0)
        self.assertEqual(list(segments_dir(self.data_dir).glob("*.jsonl")), [])
        self.assertEqual(len(self.reader.requests(Query(limit=1000)).items), 40)
        star = self.records[0]["session_id"]
        self.assertEqual(self.call(keep, star)[:2], (0, star + "\n"))
        self.call(gc, "--retain-days", "0", "--retain-size", "1")
        items = self.reader.requests(Query(limit=1000)).items
        self.assertEqual({item["session_id"] for item in items}, {star})
        self.assertEqual(self.call(verify)[0], 0)
        self.assertEqual(self.call(keep, "--undo", "--json", star)[:2], (0, "[]\n"))
