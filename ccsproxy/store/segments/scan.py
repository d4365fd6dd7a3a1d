"""Scanning a whole segment, and building its footer, which summarises it in one line.

A footer is derived: what is missing in it can be found in the lines, and nothing depends on its existence.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import attr
import msgspec

from ccsproxy.exchange import codec
from ccsproxy.store.segments.compressed import CompressedSegment, PackedError
from ccsproxy.store.segments.files import Files, read_exactly
from ccsproxy.store.segments.lines import SegmentLine, lines, segment_pieces
from ccsproxy.store.segments.segment import Footer, compressed_path, plain_path
from ccsproxy.store.segments.tally import Tally


@attr.define
class Scan:
    """The result of a scan.

    :ivar end: the end of the last good line: what follows it is a torn tail (or damage at the end).
    :ivar size: bytes that were read.
    :ivar footer: the footer, if the last good line is one.
    :ivar torn: whether a tail was cut off.
    """

    tally: Tally = attr.field(factory=Tally)
    end: int = 0
    size: int = 0
    footer: Footer | None = None
    torn: bool = False


def scan(found: Iterable[SegmentLine]) -> Scan:
    """Count lines; damaged lines count if a good one follows, after the last good one they are a torn tail."""
    result, damaged = Scan(), 0
    for line in found:
        result.size = line.end
        head = head_of(line)
        if head is None:
            damaged += 1
            continue
        result.end = result.size
        # Only now: damage without a good line after it is an incomplete write, not damage of the segment.
        result.tally.damaged, damaged = result.tally.damaged + damaged, 0
        result.footer = footer_of(line.data, line.offset) if head.event == "closed" else None
        result.tally.add(head, line.offset, line.length)
    return result


def head_of(line: SegmentLine) -> codec.RecordHead | None:
    """Return the head of a good line, None for a damaged one."""
    if not line.good:
        return None
    try:
        return codec.head(line.data)
    except codec.LineError:
        return None


def footer_of(line: bytes, offset: int) -> Footer | None:
    """Parse a footer line; None if it is not one, or does not belong at that offset."""
    if not codec.verify(line):
        return None
    try:
        footer = msgspec.json.decode(line, type=Footer)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return footer if footer.event == "closed" and footer.length == offset else None


def all_lines(files: Files, data_dir: Path, name: str) -> Iterator[SegmentLine]:
    """Yield all lines of a segment, for code that decides what is kept.

    :raises OSError: if it cannot be read.
    :raises PackedError: at the end, if a part of it cannot be read, so that its content is unknown. Only a footer,
    which has a frame of its own, may be unreadable.
    """
    unread, end = list[str](), 0
    for line in lines(segment_pieces(files, data_dir, name, damage=unread.append)):
        end = line.end if line.data else end
        yield line
    if unread:
        with CompressedSegment(compressed_path(data_dir, name), files) as packed:
            if len(unread) > 1 or packed.footer_at != end:
                raise PackedError(f"a part of {name} cannot be read: {unread[0]}")


def contents(files: Files, data_dir: Path, name: str) -> Footer:
    """Return what a segment contains: from its footer, or if that cannot be read, from its lines.

    :raises OSError: if it cannot be read; likewise `PackedError`.
    """
    footer = read_footer(files, data_dir, name)
    if footer is None:
        found = scan(all_lines(files, data_dir, name))
        footer = found.tally.footer(found.end, "")
    return footer


def read_footer(files: Files, data_dir: Path, name: str) -> Footer | None:
    """Find the footer of a segment without reading the rest.

    :return: None if there is no complete one.
    :raises OSError: if neither file can be read.
    :raises PackedError: if the compressed one has no seek table.
    """
    try:
        return _plain_footer(files, plain_path(data_dir, name))
    except FileNotFoundError:
        return _packed_footer(files, compressed_path(data_dir, name))


def _packed_footer(files: Files, path: Path) -> Footer | None:
    """Find the footer of a compressed segment."""
    with CompressedSegment(path, files) as packed:
        try:
            offset, data = packed.last_frame()
        except PackedError:
            return None
    return footer_of(data, offset)


def _plain_footer(files: Files, path: Path) -> Footer | None:
    fd = files.open_read(path)
    try:
        size = files.size(fd)
        length = 4096
        while True:
            start = max(0, size - length)
            tail = read_exactly(files, fd, size - start, start)
            newline = tail.rfind(b"\n", 0, len(tail) - 1)
            if newline >= 0:
                return footer_of(tail[newline + 1 :], start + newline + 1)
            if start == 0 or length > 64 << 20:
                return None
            # A footer lists every session: usually a few hundred bytes, but megabytes in a segment with many short
            # calls.
            length *= 16
    finally:
        files.close(fd)
