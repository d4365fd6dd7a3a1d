"""Where a target continues: the next batch after its position, read from the segments without delaying their writer.

Segments may grow, be closed, compressed, rewritten and removed meanwhile; whatever happens, nothing after the
position is skipped except damaged lines, and records that were never redacted.
"""

from collections.abc import Iterator
from pathlib import Path

from twisted.logger import Logger

from ccsproxy.exchange import codec
from ccsproxy.ship.delivery.batch import Batch, BatchLimits, LineBatch, SegmentBatch, ShippedLine
from ccsproxy.ship.delivery.cursor import LineCursor
from ccsproxy.store.segments.compressed import PackedError
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.lines import SegmentLine, SegmentLines, lines, segment_pieces
from ccsproxy.store.segments.scan import read_footer
from ccsproxy.store.segments.segment import stamp_seconds
from ccsproxy.store.state.shipments import DONE, Position, Shipment, lies_before

#: Number of bytes at the end of each line with its checksum, by which the line is recognised.
TAIL = 21


class TailMoved(Exception):
    """What precedes a target's position is not what it has had: the file was truncated, and other lines were
    written.
    """


class RecordSource:
    """Reads batches of one data directory. Synchronous: must be called in threads.

    :param host: the machine label, for the batches' tokens.
    :param since: records that started earlier are skipped; RFC 3339, empty for all.
    """

    _log = Logger()

    def __init__(self, data_dir: Path, host: str, since: str = "", files: Files | None = None) -> None:
        self._data_dir, self._host, self._since = data_dir, host, since
        self._files = files or Files()
        self._segments = SegmentLines(data_dir, self._files)
        self._redacted: tuple[str, bool] = ("", True)
        self._cursor = LineCursor(data_dir, self._files, self._damaged)

    def end(self) -> Position:
        """Return the position after everything that is written now."""
        names = self._segments.names()
        if not names:
            return Position()
        size = self._segments.plain_size(names[-1]) or 0
        return Position(names[-1], size, self._tail_at(names[-1], size))

    def since(self, seconds: float) -> Position:
        """Return the position before the first segment that may contain records of a time or later.

        :param seconds: since the epoch.
        """
        older = [name for name in self._segments.names() if stamp_seconds(name) <= seconds]
        return Position(older[-2], DONE) if len(older) > 1 else Position()

    def check(self, position: Position) -> None:
        """Verify that the lines before a position are those that were shipped.

        :raises TailMoved: if they are not.
        :raises OSError: if the segment cannot be read now.
        """
        if not position.tail or position.offset in (0, DONE) or position.segment not in self._segments.names():
            return
        try:
            moved = self._tail_at(position.segment, position.offset) != position.tail
        except FileNotFoundError:  # removed since the directory was listed; what follows it is shipped
            return
        if moved:
            raise TailMoved(position.segment)

    def next(
        self, shipment: Shipment, limits: BatchLimits, content: bool, whole: bool, until: str = ""
    ) -> Batch | None:
        """Return the next batch after a target's position, null if there is none yet.

        A batch may contain no record: then only the position moves.

        :param shipment: the state of the target; a batch that was already planned is repeated unchanged.
        :param whole: whether complete closed segments are wanted, instead of lines.
        :param until: the last segment to consider, empty for all.
        :raises TailMoved: if the lines before its position are not those that it has had.
        :raises OSError: if a segment cannot be read now.
        """
        # A power failure may have truncated the segment before the position: what was written there since would never
        # be sent.
        if not self._cursor.is_at(shipment.position.segment, shipment.position.offset):
            self.check(shipment.position)
        found = [each for each in self._segments.names() if lies_before(shipment.position, each)]
        names = [each for each in found if not until or each <= until]
        try:
            if whole:
                return self._segment(names[0]) if names else None
            return self._lines(names, shipment, limits, content)
        except FileNotFoundError:  # rewritten or removed since the directory was listed
            return None

    def release(self) -> None:
        """Close the segment being read: there will be nothing to do for a while."""
        self._cursor.close()

    def lag(self, position: Position) -> tuple[int, float | None]:
        """Return how far a target is behind.

        :return: approximate bytes on disk that it does not have yet; and when the first of these segments was
        created, seconds since the epoch, null if there is none.
        """
        names = [name for name in self._segments.names() if lies_before(position, name)]
        size = sum(self._segments.bytes_on_disk(name) for name in names)
        if names and names[0] == position.segment:
            whole, own = self._segments.plain_size(names[0]) or 0, self._segments.bytes_on_disk(names[0])
            size -= own * min(position.offset, whole) // whole if whole else 0
        return size, stamp_seconds(names[0]) if names else None

    def oldest(self, position: Position) -> str | None:
        """Return when the oldest record that a target does not have yet ended, null if unknown."""
        for name in (each for each in self._segments.names() if lies_before(position, each)):
            start = position.offset if name == position.segment else 0
            try:
                pieces = segment_pieces(self._files, self._data_dir, name, start, lambda reason: None)
                for line in lines(pieces, start):
                    if line.ended and self._event(line) == "record":
                        return LineBatch(self._host, name, 0, 0, [ShippedLine(line.offset, line.data)]).ended_at
            except (OSError, PackedError):
                continue
        return None

    def _lines(self, names: list[str], shipment: Shipment, limits: BatchLimits, content: bool) -> LineBatch | None:
        place = shipment.position
        for name in names:
            own = name == place.segment
            start = place.offset if own else 0
            ended = name != names[-1] or self._closed(name)  # before reading it: what is written later is not missed
            batch = self._read(name, start, shipment.planned if own else 0, limits, content)
            if batch is not None:
                return batch
            # It may still grow: moving on to the next segment too early would leave lines behind for good.
            if not ended:
                return None
            if own:
                return LineBatch(self._host, name, start, start, (), done=True)
        return None

    def _read(self, name: str, start: int, planned: int, limits: BatchLimits, content: bool) -> LineBatch | None:
        kept: list[ShippedLine] = []
        size, end, tail, done, withheld = 0, start, "", False, 0
        may_go = self._is_redacted(name)
        for line in self._from(name, start):
            full = len(kept) >= limits.rows or (bool(kept) and size + line.length > limits.size)
            # A planned batch is repeated exactly as it was, so that its name identifies the same records.
            if line.offset >= planned if planned > start else full:
                break
            end, tail = line.end, _crc(line.data)
            event = self._event(line)
            done = event == "closed"
            if event == "record" and may_go:
                kept.append(ShippedLine(line.offset, bytes(line.data), content))
                size += line.length
            withheld += event == "record" and not may_go
        if end == start:
            return None
        return LineBatch(self._host, name, start, end, kept, tail, done, withheld)

    def _event(self, line: SegmentLine) -> str:
        """Return the kind of a line; empty for an unreadable line, or one that is older than requested."""
        try:
            head = codec.head(line.data) if line.good else None
        except codec.LineError:
            head = None
        if head is None or (head.event == "record" and self._since and head.started_at < self._since):
            return ""
        return head.event

    def _from(self, name: str, start: int) -> Iterator[SegmentLine]:
        """Yield the complete lines of a segment, skipping damage."""
        try:
            yield from self._cursor.lines(name, start)
        # Retrying would block this target at the damaged frame for ever, with everything after it.
        except PackedError as error:  # it will not become readable
            self._damaged(f"{name}: {error}")

    def _damaged(self, reason: str) -> None:
        self._log.warn("an unreadable part of a segment is not shipped: {reason}", reason=reason)

    def _segment(self, name: str) -> SegmentBatch | None:
        try:
            footer = read_footer(self._files, self._data_dir, name)
        except PackedError:
            footer = None
        if footer is None:
            whole = self._segments.closed(name)  # damaged: it does not get better, and is sent as it is
            return SegmentBatch(self._host, name, self._segments.plain_size(name) or 0) if whole else None
        withheld = 0 if self._is_redacted(name) else footer.records
        return SegmentBatch(self._host, name, footer.length, footer.records, tuple(footer.replaces), withheld)

    def _closed(self, name: str) -> bool:
        try:
            return read_footer(self._files, self._data_dir, name) is not None
        except PackedError:
            return True

    def _is_redacted(self, name: str) -> bool:
        """Tell whether secrets were removed from a segment when it was written; true unless the header denies it."""
        if self._redacted[0] != name:
            first = next(lines(segment_pieces(self._files, self._data_dir, name, damage=self._damaged)), None)
            self._redacted = (name, first is None or b'"redacted":false' not in first.data[:1000])
        return self._redacted[1]

    def _tail_at(self, name: str, offset: int) -> str:
        """Return the checksum of the line that ends at an offset, empty if none does."""
        try:
            pieces = segment_pieces(self._files, self._data_dir, name, max(offset - TAIL, 0), self._damaged)
            data = b""
            for _, piece in pieces:
                data += piece
                if len(data) >= TAIL:
                    break
        except PackedError:
            return ""
        return _crc(data[:TAIL]) if data[TAIL - 1 : TAIL] == b"\n" else ""


def _crc(line: bytes) -> str:
    """Return the checksum at the end of a line."""
    return bytes(line[-TAIL:][10:18]).decode("ascii", "replace") if len(line) >= TAIL else ""
