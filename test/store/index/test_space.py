"""Tests of what an index takes on the disk."""

import sqlite3
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.index.follower import bring_up, rebuild
from ccsproxy.store.index.schema import NAME
from test.store.corpus import Segments


class SpaceTests(SynchronousTestCase):
    """What an index takes on the disk."""

    def test_empty_pages_are_given_back(self) -> None:
        """After it was made, and after a segment went: the file has no page that holds nothing."""
        self.data_dir = Path(self.mktemp()).absolute()
        self.data_dir.mkdir(mode=0o700)
        segments = Segments(self.data_dir, rotate_size=100_000)
        segments.fill(60)
        rebuild(self.data_dir)
        self.assertEqual(self.empty(), 0)
        before = (self.data_dir / NAME).stat().st_size
        for path in sorted((self.data_dir / "segments").iterdir())[:-1]:
            path.unlink()
        bring_up(self.data_dir)
        self.assertEqual(self.empty(), 0)
        self.assertLess((self.data_dir / NAME).stat().st_size, before * 0.8)

    def empty(self) -> int:
        connection = sqlite3.connect(self.data_dir / NAME)
        (count,) = connection.execute("PRAGMA freelist_count").fetchone()
        connection.close()
        return int(count)
