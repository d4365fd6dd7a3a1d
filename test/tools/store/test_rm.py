"""``ccsproxy rm``: sessions that are gone for good."""

from ccsproxy.store.query import Query
from ccsproxy.tools.store import keep, reindex, rm, scan, verify
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
        self.assertEqual((status, "was removed" in said), (0, True))
        left = self.on_disk()
        self.assertNotIn(gone["session_id"].encode(), left)
        self.assertNotIn(text.encode(), left)
        kept = [record for record in self.records if record["session_id"] != gone["session_id"]]
        self.assertEqual(len(self.reader.requests(Query(limit=1000)).items), len(kept))
        for record in kept[::5]:
            self.assertEqual(self.reader.record(record["session_id"], record["seq"]), record)
        self.assertEqual(self.call(verify)[0], 0)
        self.assertEqual(self.call(rm, gone["session_id"])[0], 1)

    def test_short_ids(self) -> None:
        """The beginning of an id names its session where something is changed, too; too little of it does not."""
        self.call(reindex)
        first, other = (each["session_id"] for each in (self.records[0], self.records[-1]))
        self.assertNotEqual(first[:8], other[:8])
        self.assertEqual(self.call(keep, first[:8])[:2], (0, first + "\n"))
        self.assertEqual(self.call(keep, "--undo", first[:8])[:2], (0, ""))
        self.assertEqual(self.call(rm, first[:3])[0], 1)
        self.assertIn(f"{first} was removed", self.call(rm, first[:8], first)[1])
        self.assertNotIn(first.encode(), self.on_disk())
        status, said, _ = self.call(scan, other[:8])
        self.assertEqual((status, said), (0, "no secret is in the clear\n"))
        self.assertIn("is not a session id", self.call(rm, "../x")[2])
