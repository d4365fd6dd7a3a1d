"""Tests of ``ccsproxy reindex``."""

import json

from ccsproxy.store.directory import Lock
from ccsproxy.store.index.schema import NAME
from ccsproxy.store.query import Query
from ccsproxy.store.segments.segment import segments_dir
from ccsproxy.tools.store import reindex
from test.tools.storing import StoreCommandCase


class ReindexTests(StoreCommandCase):
    """The index is made of the records, and of nothing else."""

    def test_after_it_was_lost(self) -> None:
        """All records are found again, and how many there were is said."""
        self.call(reindex)
        (self.data_dir / NAME).write_bytes(b"no index at all")
        status, said, _ = self.call(reindex, "--json")
        told = json.loads(said)
        self.assertEqual(status, 0)
        self.assertGreaterEqual(told["lines"], len(self.records))
        self.assertGreater(told["bytes"], 0)
        self.assertEqual(len(self.reader.requests(Query(limit=1000)).items), len(self.records))

    def test_what_cannot_be_read_is_named(self) -> None:
        """A file of nothing, and a directory in a segment's place, are passed over, named, and a status of 1."""
        folder = segments_dir(self.data_dir)
        (folder / "20260101T000000000Z-0000000a.jsonl.zst").touch()
        (folder / "20260101T000000000Z-0000000b.jsonl").mkdir()
        status, _, complaint = self.call(reindex)
        self.assertEqual((status, complaint.count("could not be read")), (1, 2), complaint)
        self.assertEqual(len(self.reader.requests(Query(limit=1000)).items), len(self.records))

    def test_while_a_service_writes(self) -> None:
        """It is left alone; the sentence says what helps."""
        lock = Lock(self.data_dir)
        self.addCleanup(lock.release)
        status, _, complaint = self.call(reindex)
        self.assertEqual(status, 1)
        self.assertIn(f"delete {self.data_dir / NAME}", complaint)
