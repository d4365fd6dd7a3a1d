"""Tests for `ccsproxy.store.segments.lines`: one reader, whatever lies in the folder and however the disk reads."""

import errno
import os
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange import codec
from ccsproxy.store.segments import lines as module
from ccsproxy.store.segments.compress import compress_segment
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.lines import SegmentLines, lines
from ccsproxy.store.segments.scan import contents
from ccsproxy.store.segments.seal import seal
from ccsproxy.store.segments.segment import compressed_path, plain_path, segments_dir
from test.effort import effort
from test.store.records import record

NAME = "20260101T000000000Z-00000001"
OTHER = "20260101T000000001Z-00000001"


class CuttingTests(SynchronousTestCase):
    """Pieces are cut into lines."""

    @given(st.lists(st.binary(max_size=6).map(lambda text: text.replace(b"\r", b"\n")), max_size=12), st.data())
    @settings(max_examples=effort(60), deadline=None)
    def test_every_split(self, texts: list[bytes], data: st.DataObject) -> None:
        """Whatever the pieces, the lines are the same; a long line costs itself only."""
        whole = b"\n".join(texts)
        longest = data.draw(st.integers(1, 8))
        self.patch(module, "LONGEST_LINE", longest)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
        bounds = [0, *cuts, len(whole)]
        found = list(lines((at, whole[at:to]) for at, to in pairwise(bounds)))
        self.assertEqual(sum(line.length for line in found), len(whole))
        begin = 0
        for text, line in zip(whole.split(b"\n"), found, strict=False):
            expected = whole[begin : begin + len(text) + 1]
            self.assertEqual((line.offset, line.length), (begin, len(expected)))
            if len(expected) <= longest:
                self.assertEqual(line.data, expected)
            elif line.data:
                self.assertEqual((line.data, line.ended), (expected, False))  # a tail may still become short
            begin += len(expected)

    def test_a_long_line_before_short_ones(self) -> None:
        """It is not copied for those that came with its end, and all are there."""
        long, short = codec.encode(record(1, body="x" * 3000)), [codec.encode(record(2)), b"damaged\n", b"tail"]
        self.patch(module, "CHUNK", 1000)
        for tail in range(len(short) + 1):
            whole = long + b"".join(short[:tail])
            for size in (900, 2999, 10_000):
                found = list(lines((at, whole[at : at + size]) for at in range(0, len(whole), size)))
                self.assertEqual([bytes(line.data) for line in found], [long, *short[:tail]])
                self.assertEqual([line.good for line in found], [True, True, False, False][: tail + 1])
                self.assertEqual(found[-1].end, len(whole))

    def test_a_gap_is_a_line_without_data(self) -> None:
        """What no piece holds is passed over as one damaged line, with what was begun before it."""
        found = list(lines([(0, b"a\nb"), (10, b"c\n"), (20, b"")]))
        self.assertEqual([(line.offset, line.length, line.data) for line in found],
                         [(0, 2, b"a\n"), (2, 8, b""), (10, 2, b"c\n"), (12, 8, b"")])  # fmt: skip


class StrangersTests(SynchronousTestCase):
    """What lies in the folder under a segment's name without being one."""

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp()).absolute()
        segments_dir(self.data_dir).mkdir(parents=True)
        plain_path(self.data_dir, OTHER).write_bytes(codec.encode(record(1)))

    def test_fifo_link_directory(self) -> None:
        """None is waited for or followed, each is named, and the others are read."""
        outside = self.data_dir / "outside"
        outside.write_bytes(codec.encode(record(2)))
        makers = (os.mkfifo, lambda path: path.symlink_to(outside), lambda path: path.mkdir())
        for path in (plain_path(self.data_dir, NAME), compressed_path(self.data_dir, NAME)):
            for make in makers:
                make(path)
                reader = SegmentLines(self.data_dir)
                self.assertEqual(list(reader.scan(NAME)), [])
                self.assertEqual(reader.at(NAME, 0, 10), None)
                self.assertEqual(list(reader.skipped), [NAME])
                self.assertEqual(len(list(reader.scan(OTHER))), 1)
                self.assertRaises(OSError, contents, Files(), self.data_dir, NAME)
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


class UnfinishedTests(SynchronousTestCase):
    """A line that is being written."""

    def test_whole_lines(self) -> None:
        """There is one as soon as its newline is there; a segment that cannot be read is left to who reads it."""
        data_dir = Path(self.mktemp())
        segments_dir(data_dir).mkdir(parents=True)
        reader = SegmentLines(data_dir)
        self.assertTrue(reader.has_line(NAME, 0))
        plain_path(data_dir, NAME).write_bytes(b"a\n" + b"x" * (3 << 20))
        self.assertEqual([reader.has_line(NAME, at) for at in (0, 1, 2, 9)], [True, True, False, False])
        with plain_path(data_dir, NAME).open("ab") as file:
            file.write(b"\n")
        self.assertEqual([reader.has_line(NAME, at) for at in (0, 2, 9)], [True] * 3)


class FlakyReads(Files):
    """Fails, or reads short, at the n-th opening or reading.

    :param code: the errno, 0 for short reads from the n-th on.
    """

    def __init__(self, at: int, code: int) -> None:
        self.left, self.code = at, code

    def _step(self) -> bool:
        self.left -= 1
        if self.left == 0 and self.code:
            raise OSError(self.code, os.strerror(self.code))
        return self.left <= 0

    def open_read(self, path: Path) -> int:
        self._step()
        return super().open_read(path)

    def read(self, fd: int, length: int, offset: int) -> bytes:
        return super().read(fd, max(length // 3, 1) if self._step() else length, offset)


class ReadingErrorTests(SynchronousTestCase):
    """A disk that fails in reading, at every call of every reader."""

    def setUp(self) -> None:
        self.data_dir = Path(self.mktemp())
        segments_dir(self.data_dir).mkdir(parents=True)
        self.data = b"".join(codec.encode(record(number, "s")) for number in range(1, 6))
        plain_path(self.data_dir, NAME).write_bytes(self.data)

    def each(self, code: int) -> None:
        place = (0, self.data.index(b"\n") + 1)
        for at in range(1, 40):
            reader = SegmentLines(self.data_dir, FlakyReads(at, code))
            found = [line.data for line in reader.scan(NAME) if line.good]
            self.assertEqual(b"".join(found), self.data[: len(b"".join(found))])
            if b"".join(found) != self.data:
                self.assertTrue(reader.skipped or at > 30, at)
            self.assertIn(SegmentLines(self.data_dir, FlakyReads(at, code)).several(NAME, [place]).get(0),
                          (None, codec.strip(self.data[: place[1]])))  # fmt: skip
            try:
                held = contents(FlakyReads(at, code), self.data_dir, NAME)
            except OSError:
                continue
            self.assertEqual((held.sessions, held.records), ({"s": 5}, 5), at)

    def test_plain_and_compressed(self) -> None:
        """What is read is right or an error, never less that passes for all; short reads change nothing."""
        for code in (errno.EIO, errno.EMFILE):
            self.each(code)
        seal(Files(), self.data_dir, NAME, 0.0)
        self.data = plain_path(self.data_dir, NAME).read_bytes()
        compress_segment(Files(), self.data_dir, NAME)
        for code in (errno.EIO, errno.EMFILE):
            self.each(code)

    def test_short_reads(self) -> None:
        """A read that gives a third of what was asked for is gone on with."""
        for packed in (False, True):
            if packed:
                seal(Files(), self.data_dir, NAME, 0.0)
                self.data = plain_path(self.data_dir, NAME).read_bytes()
                compress_segment(Files(), self.data_dir, NAME)
            reader = SegmentLines(self.data_dir, FlakyReads(1, 0))
            self.assertEqual(b"".join(line.data for line in reader.scan(NAME)), self.data)
            self.assertEqual(contents(FlakyReads(1, 0), self.data_dir, NAME).records, 5)
