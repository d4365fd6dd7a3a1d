"""Tests of the check: what is wrong is found and named, and a good store is called good."""

from ccsproxy.store.index.follower import bring_up, rebuild
from ccsproxy.store.maintenance.check import check, space
from ccsproxy.store.segments.segment import plain_path
from test.store.corpus import Corpus, started
from test.store.index.test_index import StoreCase
from test.store.rows import rows


class CheckTests(StoreCase):
    """Segments and index, good and bad."""

    def setUp(self) -> None:
        """Make a store of 30 exchanges in several segments."""
        super().setUp()
        self.records = self.segments.fill(30)
        bring_up(self.data_dir)
        self.names = sorted(path.stem for path in (self.data_dir / "segments").iterdir())

    def test_good_store(self) -> None:
        """Every record and beginning is counted, and nothing is wrong; also with an exchange that runs."""
        self.segments.write(started(next(Corpus(seed=4).records(1))))
        bring_up(self.data_dir)
        report = check(self.data_dir)
        self.assertTrue(report.good, report)
        self.assertEqual(sum(each.records for each in report.segments), 30)
        self.assertEqual(sum(each.started for each in report.segments), 31)

    def test_every_flipped_byte_is_found(self) -> None:
        """A changed byte anywhere in a line makes the store bad."""
        path = plain_path(self.data_dir, self.names[0])
        data = path.read_bytes()
        for place in range(0, len(data), len(data) // 23):
            path.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
            report = check(self.data_dir)
            self.assertFalse(report.good)
            first = report.segments[0]
            self.assertGreaterEqual(first.damaged + first.dangling + first.tail, 1)

    def test_unfinished_line_is_no_damage(self) -> None:
        """A line that is being written is not called damage."""
        with plain_path(self.data_dir, self.names[-1]).open("ab") as file:
            file.write(b'{"id":"half')
        report = check(self.data_dir)
        self.assertEqual((report.good, report.segments[-1].tail), (True, 11))

    def test_index_that_lacks_records(self) -> None:
        """Records that the index does not know, and requests that are nowhere, are counted."""
        self.segments.fill(2, Corpus(seed=5))
        self.assertEqual(sum(each.unindexed for each in check(self.data_dir).segments), 2)
        plain_path(self.data_dir, self.names[0]).unlink()
        self.assertEqual(check(self.data_dir).gone, [self.names[0]])

    def test_missing_index(self) -> None:
        """Without an index the segments are checked all the same."""
        for path in self.data_dir.glob("index*"):
            path.unlink()
        report = check(self.data_dir)
        self.assertNotEqual(report.index, "ok")
        self.assertEqual(sum(each.records for each in report.segments), 30)

    def test_space(self) -> None:
        """Segments are measured on the disk, sessions and dialects by their records."""
        found = list(space(self.data_dir))
        sizes = {each.name: each.size for each in found if each.what == "segment"}
        self.assertEqual(sizes, {name: plain_path(self.data_dir, name).stat().st_size for name in self.names})
        for what in ("session", "dialect"):
            self.assertEqual(sum(each.requests for each in found if each.what == what), 30)

    def test_rebuild_tells_its_progress(self) -> None:
        """Making the index anew gives the same index, and tells how many lines and bytes it read."""
        before, told = rows(self.data_dir), []
        rebuild(self.data_dir, progress=lambda lines, size: told.append((lines, size)))
        self.assertEqual(rows(self.data_dir), before)
        self.assertEqual(sum(lines for lines, _ in told), 60)
        self.assertEqual(
            sum(size for _, size in told), sum(plain_path(self.data_dir, n).stat().st_size for n in self.names)
        )
