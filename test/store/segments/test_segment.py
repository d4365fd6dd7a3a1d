"""Tests for `ccsproxy.store.segments.segment`."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.segments import segment


class NameTests(SynchronousTestCase):
    """Names tell when a segment was begun and sort by it."""

    def test_name_holds_time_and_id(self) -> None:
        """The stamp is UTC with milliseconds."""
        name = segment.segment_name(1763649005.123, b"abcd")
        self.assertEqual(name, "20251120T143005123Z-61626364")
        self.assertEqual(segment.stamp_seconds(name), 1763649005.123)

    def test_names_sort_even_when_the_clock_goes_back(self) -> None:
        """A new name sorts behind the newest one there is."""
        newest = segment.segment_name(2000.999, b"zzzz")
        self.assertGreater(segment.segment_name(1000.0, b"aaaa", newest), newest)
        self.assertGreater(segment.segment_name(2000.999, b"aaaa", newest), newest)

    def test_other_names_are_not_segments(self) -> None:
        """Only the exact form counts."""
        for name in ("", "x", "20251120T143005123Z-6162636", "20251120T143005123Z-61626364\n", "../x"):
            self.assertFalse(segment.is_segment_name(name))


class ListTests(SynchronousTestCase):
    """The directory is listed whatever lies in it."""

    def test_lists_segments_only(self) -> None:
        """Foreign files are ignored; a plain file hides its compressed twin."""
        data_dir = Path(self.mktemp())
        folder = segment.segments_dir(data_dir)
        folder.mkdir(parents=True)
        first, second = "20251120T143005123Z-61626364", "20251120T143005124Z-61626364"
        for name in (f"{second}.jsonl", f"{second}.jsonl.zst", f"{first}.jsonl.zst", "x.jsonl", f"{first}.torn"):
            (folder / name).touch()
        self.assertEqual(segment.list_segments(data_dir), [(first, True), (second, False)])

    def test_a_missing_directory_is_empty(self) -> None:
        """Before the first start there is nothing."""
        self.assertEqual(segment.list_segments(Path(self.mktemp())), [])
