"""Reading on: the same lines as from the beginning, wherever a batch ended, whatever becomes of the file."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.ship.delivery.cursor import LineCursor
from ccsproxy.store.segments.compressed import CompressedSegment
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.lines import lines, segment_pieces
from test.ship.segments import FIRST, SECOND, Segments


class CursorTests(SynchronousTestCase):
    """One compressed segment, and one that grows."""

    def setUp(self) -> None:
        """Write both, and count how often the first is unpacked."""
        self.segments = Segments(Path(self.mktemp()))
        self.segments.add(FIRST, range(1, 9))
        self.segments.close(FIRST)
        self.segments.add(SECOND, [9, 10])
        self.damage: list[str] = []
        self.opened = 0
        whole = CompressedSegment.pieces

        def pieces(packed: CompressedSegment, *arguments: Any) -> Any:
            self.opened += 1
            return whole(packed, *arguments)

        self.patch(CompressedSegment, "pieces", pieces)

    def cursor(self) -> LineCursor:
        return LineCursor(self.segments.data_dir, Files(), self.damage.append)

    def whole(self, name: str) -> list[bytes]:
        """Return the lines of a segment, read at once."""
        return [bytes(line.data) for line in lines(segment_pieces(Files(), self.segments.data_dir, name))]

    @given(st.lists(st.integers(1, 6), max_size=10))
    def test_in_parts(self, sizes: list[int]) -> None:
        """Batches of any size hold all lines, each once; the file is opened once for all of them."""
        everything, found, at = self.whole(FIRST), list[bytes](), 0
        self.opened, cursor = 0, self.cursor()
        for size in [*sizes, 100]:
            for number, line in enumerate(cursor.lines(FIRST, at)):
                if number == size:  # as a batch does that is full
                    break
                found.append(bytes(line.data))
                at = line.end
            if len(found) == len(everything):
                break
        self.assertEqual((found, self.opened), (everything, 1))

    def test_again_from_where_it_was(self) -> None:
        """A batch that failed is read again: the cursor goes back."""
        cursor = self.cursor()
        first = [line.offset for line in cursor.lines(FIRST, 0)]
        self.assertEqual([line.offset for line in cursor.lines(FIRST, first[3])], first[3:])
        self.assertEqual([line.offset for line in cursor.lines(FIRST, first[2])], first[2:])

    def test_one_that_grows(self) -> None:
        """Is never kept open: what was its end may be followed by more."""
        cursor = self.cursor()
        seen = [line.end for line in cursor.lines(SECOND, 0)]
        self.assertFalse(cursor.is_at(SECOND, seen[-1]))
        self.segments.add(SECOND, [11])
        self.assertEqual(len(list(cursor.lines(SECOND, seen[-1]))), 2)

    def test_a_disk_that_fails(self) -> None:
        """An error is no end: the next try reads the rest."""
        cursor = self.cursor()
        reading = cursor.lines(FIRST, 0)
        at = next(reading).end
        reading.close()
        cursor._lines = _failing()
        cursor._held, cursor._place = None, (FIRST, at)
        self.assertRaises(OSError, list, cursor.lines(FIRST, at))
        self.assertFalse(cursor.is_at(FIRST, at))
        self.assertEqual([bytes(line.data) for line in cursor.lines(FIRST, at)], self.whole(FIRST)[1:])

    def test_gone(self) -> None:
        """A segment that was rewritten under another name is not there, though its file is open still."""
        cursor = self.cursor()
        next(cursor.lines(FIRST, 0))
        cursor.close()
        self.segments.rewrite(FIRST, lambda head: head.seq == 1, b"\1\2\3\4")
        self.assertRaises(FileNotFoundError, list, cursor.lines(FIRST, 0))


def _failing() -> Any:
    raise OSError(5, "it cannot be read")
    yield
