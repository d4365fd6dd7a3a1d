"""How much of the disk a store takes up."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.reader.disk_use import disk_use


class DiskUseTests(SynchronousTestCase):
    """Stores of a few files."""

    def test_files(self) -> None:
        """Segments and the index with its log are counted, other files and directories are not."""
        data_dir = Path(self.mktemp())
        (data_dir / "segments" / "odd").mkdir(parents=True)
        for name, size in (("segments/a.jsonl", 10), ("segments/b.jsonl.zst", 5), ("index.sqlite3", 7),
                           ("index.sqlite3-wal", 2), ("state.sqlite3", 100)):  # fmt: skip
            (data_dir / name).write_bytes(b"x" * size)
        found = disk_use(data_dir)
        self.assertEqual((found.segments, found.segment_bytes, found.index_bytes), (2, 15, 9))
        self.assertGreater(found.free or 0, 0)

    def test_nothing(self) -> None:
        """A store that is not there has no size."""
        found = disk_use(Path(self.mktemp()))
        self.assertEqual((found.segments, found.segment_bytes, found.index_bytes, found.free), (0, 0, 0, None))
