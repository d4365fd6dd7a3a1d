"""Segment lines as the index reads them."""

from collections.abc import Iterator, Mapping

import attr

from ccsproxy.exchange import codec
from ccsproxy.store.segments.lines import SegmentLine, SegmentLines
from ccsproxy.store.summary import Entry, milliseconds, read_entry

#: How many records are read at once when texts are indexed again.
_AT_ONCE = 64


@attr.define
class Mark:
    """How far a segment has been read.

    :ivar number: the segment's number in the index.
    :ivar done: bytes read.
    :ivar closed: whether nothing will follow them.
    """

    number: int
    done: int
    closed: bool


def entry_of(line: SegmentLine) -> Entry | None:
    """Read a line of the index's interest, null when it cannot be understood."""
    try:
        if line.apart is not None:
            entry = read_entry(line.apart.bare)
            entry.request.body = line.apart  # type: ignore[assignment]  # read by `texts.raw_body`, which knows it
        else:
            entry = read_entry(line.data)  # including its checksum, which is not a member that is needed
        milliseconds(entry.started_at)
    except ValueError:
        return None
    return entry if entry.started or entry.outcome is not None else None


def is_note(data: bytes) -> bool:
    """Return whether a line is one that segments write about themselves."""
    try:
        return codec.head(data).event not in {"record", "started"}
    except codec.LineError:
        return False


def entries_at(lines: SegmentLines, places: Mapping[str, list[tuple[int, int]]]) -> Iterator[Entry]:
    """Read records again, a few at a time."""
    for name, each in places.items():
        for first in range(0, len(each), _AT_ONCE):
            for data in lines.several(name, each[first : first + _AT_ONCE]).values():
                try:
                    yield read_entry(data)
                except ValueError:
                    continue
