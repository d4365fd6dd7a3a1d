"""``ccsproxy rm``: sessions that are gone for good."""

from ccsproxy.store.query import Query
from ccsproxy.tools.store import reindex, rm, verify
from test.tools.storing import StoreCommandCase


class RmTests(StoreCommandCase):
    """Nothing is left."""

    def test_rm_leaves_nothing(self) -> None:
        """A removed session is in no file any more; the others are as they were."""
        self.call(reindex)
        gone = self.records[0]
        text = gone["request"]["body"]["messages"][0]["content"][0]["text"]
        self.assertIn(gone["session_id"].encode(), self.on_disk())
        status, said, _ = self.call(rm, gone["session_id"])
        self.assertEqual((status, "is removed" in said), (0, True))
        left = self.on_disk()
        self.assertNotIn(gone["session_id"].encode(), left)
        self.assertNotIn(text.encode(), left)
        kept = [record for record in self.records if record["session_id"] != gone["session_id"]]
        self.assertEqual(len(self.reader.requests(Query(limit=1000)).items), len(kept))
        for record in kept[::5]:
            self.assertEqual(self.reader.record(record["session_id"], record["seq"]), record)
        self.assertEqual(self.call(verify)[0], 0)
        self.assertEqual(self.call(rm, gone["session_id"])[0], 1)
