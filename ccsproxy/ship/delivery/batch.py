"""Batches: lines of one segment in order, or a complete closed segment."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import attr
import msgspec

from ccsproxy.exchange import codec
from ccsproxy.exchange.record import SCHEMA_VERSION
from ccsproxy.exchange.upgrade import upgrade
from ccsproxy.ship.content import without_content
from ccsproxy.store.state.shipments import DONE, Position
from ccsproxy.store.summary import Entry, read_entry

#: The last members of a line whose record needs no upgrade.
_CURRENT = b'"schema_version":%d,"crc32"' % SCHEMA_VERSION


class ShippedEntry(Entry, gc=False):
    """A record as in `Entry`, with its labels; none if it is of an older version."""

    labels: dict[str, str] = {}


_entries = msgspec.json.Decoder(ShippedEntry)


@attr.frozen(slots=False)
class ShippedLine:
    """One finished record, as in its segment.

    :ivar offset: the offset of its line in the uncompressed segment.
    :ivar data: the line, including newline and checksum.
    :ivar content: whether content is shipped, or only metadata.
    """

    offset: int
    data: bytes
    content: bool = True

    @property
    def end(self) -> int:
        """The offset of the next line."""
        return self.offset + len(self.data)

    @cached_property
    def head(self) -> codec.RecordHead:
        """The members that identify the record."""
        return codec.head(self.data)

    @cached_property
    def entry(self) -> "ShippedEntry":
        """The parts of the record needed for lists and texts; parsed once, because parsing passes over the whole
        line.

        :raises ValueError: if the line contains no record.
        """
        try:
            return _entries.decode(self.data)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        except (msgspec.MsgspecError, UnicodeError):
            known = read_entry(self.data)
            return ShippedEntry(**{name: getattr(known, name) for name in Entry.__struct_fields__})

    def record(self) -> dict[str, Any]:
        """Return the record in the current schema version; without content if none is shipped.

        :raises ValueError: if the line contains no valid record.
        """
        record = self.whole()
        return record if self.content else without_content(record)

    def whole(self) -> dict[str, Any]:
        """Return the record with its content, whether that is shipped or not.

        :raises ValueError: if the line contains no valid record.
        """
        return upgrade(codec.decode(self.data))

    def json(self) -> bytes:
        """Return the record as JSON, without checksum and newline; lone surrogates remain escapes.

        :raises ValueError: if the line contains no valid record.
        """
        if self.content and _CURRENT in self.data[-60:]:
            return codec.strip(self.data)
        return codec.strip(codec.encode(self.record()))


@attr.frozen
class LineBatch:
    """Records of one segment, in the order in which they ended.

    :ivar host: the machine of the segment.
    :ivar start: its start offset in the segment.
    :ivar end: its end offset; lines in between that are not records are not shipped.
    :ivar tail: checksum of the last line before the end (see `ccsproxy.store.state.shipments.Position`).
    :ivar done: whether the segment is closed and ends here.
    :ivar withheld: number of omitted records whose secrets were not removed.
    """

    host: str
    segment: str
    start: int
    end: int
    lines: Sequence[ShippedLine]
    tail: str = ""
    done: bool = False
    withheld: int = 0

    @property
    def token(self) -> str:
        """A name that identifies exactly these records, however often they are sent."""
        return f"{self.host}/{self.segment}/{self.start}-{self.end}"

    @property
    def size(self) -> int:
        """Total size of its lines in bytes."""
        return sum(len(line.data) for line in self.lines)

    @property
    def after(self) -> Position:
        """The position of a target that has accepted it."""
        return Position(self.segment, DONE if self.done else self.end, self.tail)

    def halves(self) -> tuple["LineBatch", "LineBatch"]:
        """Divide it in two, to find what a target rejects; the second half ends where the whole ends."""
        middle = len(self.lines) // 2
        cut = self.lines[middle].offset
        first = attr.evolve(self, end=cut, lines=self.lines[:middle], done=False, withheld=0)
        return first, attr.evolve(self, start=cut, lines=self.lines[middle:])

    @property
    def ended_at(self) -> str | None:
        """When its first record ended; null if unknown."""
        try:
            return msgspec.json.decode(self.lines[0].data, type=_Ended).ended_at if self.lines else None
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None


class _Ended(msgspec.Struct):
    ended_at: str | None = None


@attr.frozen
class SegmentBatch:
    """A complete closed segment.

    :ivar end: total size of its lines in bytes.
    :ivar records: how many records it contains.
    :ivar replaces: names of segments whose records it contains now, and which must be deleted.
    :ivar withheld: how many of its records must not be shipped because their secrets were not removed.
    """

    host: str
    segment: str
    end: int
    records: int = 0
    replaces: Sequence[str] = ()
    withheld: int = 0

    @property
    def token(self) -> str:
        """A name that identifies exactly these records, however often they are sent."""
        return f"{self.host}/{self.segment}"

    @property
    def after(self) -> Position:
        """The position of a target that has accepted it."""
        return Position(self.segment, DONE)


Batch = LineBatch | SegmentBatch


@attr.frozen
class BatchLimits:
    """The maximum size of a batch; a larger record is alone in its batch.

    :ivar rows: records.
    :ivar size: total size of their lines in bytes.
    :ivar linger: seconds that a batch which is not full waits for more records.
    """

    rows: int = 500
    size: int = 4 << 20
    linger: float = 1.0

    def nearly_filled_by(self, batch: LineBatch) -> bool:
        """Tell whether there is probably more after a batch, because it is at least half full."""
        return len(batch.lines) * 2 >= self.rows or batch.size * 2 >= self.size
