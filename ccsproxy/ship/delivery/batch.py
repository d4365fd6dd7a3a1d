"""What is shipped at once: lines of one segment in their order, or a whole closed segment."""

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

#: What the last members of a line look like whose record needs no upgrade.
_CURRENT = b'"schema_version":%d,"crc32"' % SCHEMA_VERSION


class ShippedEntry(Entry, gc=False):
    """A record as `Entry` has it, and who recorded it; no labels where it is of an older version."""

    labels: dict[str, str] = {}


_entries = msgspec.json.Decoder(ShippedEntry)


@attr.frozen(slots=False)
class ShippedLine:
    """One finished record, as its segment holds it.

    :ivar offset: where its line begins, in bytes of the uncompressed segment.
    :ivar data: the line, newline and checksum included.
    :ivar content: whether what was said is shipped, or only what is known of it.
    """

    offset: int
    data: bytes
    content: bool = True

    @property
    def end(self) -> int:
        """Where the next line begins."""
        return self.offset + len(self.data)

    @cached_property
    def head(self) -> codec.RecordHead:
        """What names the record."""
        return codec.head(self.data)

    @cached_property
    def entry(self) -> "ShippedEntry":
        """What lists and texts need of the record; read once, as reading passes over the whole line.

        :raises ValueError: when the line holds no record.
        """
        try:
            return _entries.decode(self.data)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        except (msgspec.MsgspecError, UnicodeError):
            known = read_entry(self.data)
            return ShippedEntry(**{name: getattr(known, name) for name in Entry.__struct_fields__})

    def record(self) -> dict[str, Any]:
        """Return the record in the current schema version; without content where none is shipped.

        :raises ValueError: when the line holds no record of any version.
        """
        record = self.whole()
        return record if self.content else without_content(record)

    def whole(self) -> dict[str, Any]:
        """Return the record with what was said in it, whether that is shipped or not.

        :raises ValueError: when the line holds no record of any version.
        """
        return upgrade(codec.decode(self.data))

    def json(self) -> bytes:
        """Return the record as JSON, without checksum and newline; lone surrogates stay escapes in it.

        :raises ValueError: when the line holds no record of any version.
        """
        if self.content and _CURRENT in self.data[-60:]:
            return codec.strip(self.data)
        return codec.strip(codec.encode(self.record()))


@attr.frozen
class LineBatch:
    """Records of one segment, in the order in which they ended.

    :ivar host: whose segment it is.
    :ivar start: where in the segment it begins, in bytes.
    :ivar end: where it ends; what lies between and is no record is not shipped.
    :ivar tail: checksum of the last line before the end (see `ccsproxy.store.state.shipments.Position`).
    :ivar done: whether the segment ends here for good.
    :ivar withheld: records that are not in it because nobody has removed the secrets from them.
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
        """A name that the same records have whenever they are sent, and no others."""
        return f"{self.host}/{self.segment}/{self.start}-{self.end}"

    @property
    def size(self) -> int:
        """Bytes of its lines."""
        return sum(len(line.data) for line in self.lines)

    @property
    def after(self) -> Position:
        """Where a target is that has taken it."""
        return Position(self.segment, DONE if self.done else self.end, self.tail)

    def halves(self) -> tuple["LineBatch", "LineBatch"]:
        """Divide it in two, for finding what a target refuses; the second ends where the whole does."""
        middle = len(self.lines) // 2
        cut = self.lines[middle].offset
        first = attr.evolve(self, end=cut, lines=self.lines[:middle], done=False, withheld=0)
        return first, attr.evolve(self, start=cut, lines=self.lines[middle:])

    @property
    def ended_at(self) -> str | None:
        """When its first record ended; null when that is not known."""
        try:
            return msgspec.json.decode(self.lines[0].data, type=_Ended).ended_at if self.lines else None
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None


class _Ended(msgspec.Struct):
    ended_at: str | None = None


@attr.frozen
class SegmentBatch:
    """A closed segment, whole.

    :ivar end: bytes of its lines.
    :ivar records: how many it holds.
    :ivar replaces: names of segments whose records it carries now, which are to go.
    :ivar withheld: how many of its records may not be shipped because nobody has removed the secrets from them.
    """

    host: str
    segment: str
    end: int
    records: int = 0
    replaces: Sequence[str] = ()
    withheld: int = 0

    @property
    def token(self) -> str:
        """A name that the same records have whenever they are sent, and no others."""
        return f"{self.host}/{self.segment}"

    @property
    def after(self) -> Position:
        """Where a target is that has taken it."""
        return Position(self.segment, DONE)


Batch = LineBatch | SegmentBatch


@attr.frozen
class BatchLimits:
    """How much one batch holds at most; a record that is larger alone stands alone.

    :ivar rows: records.
    :ivar size: bytes of their lines.
    :ivar linger: seconds that a batch which is not full waits for more records behind the one before.
    """

    rows: int = 500
    size: int = 4 << 20
    linger: float = 1.0

    def nearly_filled_by(self, batch: LineBatch) -> bool:
        """Tell whether there is probably more behind a batch at once, as it holds half of what one may or more."""
        return len(batch.lines) * 2 >= self.rows or batch.size * 2 >= self.size
