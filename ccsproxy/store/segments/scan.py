"""Reading a segment from one end to the other, whatever became of it: lines, damage, tail, footer."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import attr
import msgspec

from ccsproxy.exchange import codec
from ccsproxy.store.segments.compressed import PackedError, PackedSegment
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.segment import Footer, compressed_path, plain_path
from ccsproxy.store.segments.tally import Tally

_PIECE = 1 << 20

#: No line is longer; what looks longer is garbage, and is skipped without being kept in memory.
LONGEST_LINE = 512 << 20


@attr.frozen
class ScannedLine:
    """A piece of a segment up to a newline.

    :ivar data: the bytes, newline included unless it is the tail.
    :ivar good: whether it verifies.
    """

    offset: int
    data: bytes
    good: bool


@attr.define
class Scan:
    """What a scan found.

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


def lines(pieces: Iterable[bytes]) -> Iterator[ScannedLine]:
    """Cut pieces of a segment into lines and check each; the last one may lack its newline and is not good then."""
    offset, buffer = 0, bytearray()
    for piece in pieces:
        searched = len(buffer)
        buffer += piece
        start = 0
        while (newline := buffer.find(b"\n", max(start, searched))) >= 0:
            data = bytes(buffer[start : newline + 1])
            yield ScannedLine(offset + start, data, codec.verify(data))
            start = newline + 1
        del buffer[:start]
        offset += start
        if len(buffer) > LONGEST_LINE:
            yield ScannedLine(offset, b"", good=False)
            offset += len(buffer)
            buffer.clear()
    if buffer:
        yield ScannedLine(offset, bytes(buffer), good=False)


def pieces(files: Files, path: Path) -> Iterator[bytes]:
    """Yield the bytes of a plain file.

    :raises OSError: if it cannot be read.
    """
    fd = files.open_read(path)
    try:
        offset = 0
        while piece := files.read(fd, _PIECE, offset):
            yield piece
            offset += len(piece)
    finally:
        files.close(fd)


def segment_pieces(files: Files, data_dir: Path, name: str) -> Iterator[bytes]:
    """Yield the uncompressed bytes of a segment, wherever they are.

    :raises OSError: if it cannot be read.
    :raises PackedError: if its compressed file is damaged.
    """
    try:
        yield from pieces(files, plain_path(data_dir, name))
    except FileNotFoundError:
        with PackedSegment(compressed_path(data_dir, name), files) as packed:
            yield from packed.pieces()


def scan(found: Iterable[ScannedLine]) -> Scan:
    """Count what lines say; damaged lines count when a good one follows, behind the last good one they are a tail."""
    result, damaged = Scan(), 0
    for line in found:
        result.size = line.offset + len(line.data)
        head = head_of(line)
        if head is None:
            damaged += 1
            continue
        result.end = result.size
        result.tally.damaged, damaged = result.tally.damaged + damaged, 0
        result.footer = footer_of(line.data, line.offset) if head.event == "closed" else None
        result.tally.add(head, line.offset, len(line.data))
    return result


def head_of(line: ScannedLine) -> codec.RecordHead | None:
    """Return the head of a good line, None for a damaged one."""
    if not line.good:
        return None
    try:
        return codec.head(line.data)
    except codec.LineError:
        return None


def footer_of(line: bytes, offset: int) -> Footer | None:
    """Read a footer line; None if it is none, or does not belong at that offset."""
    if not codec.verify(line):
        return None
    try:
        footer = msgspec.json.decode(line, type=Footer)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return footer if footer.event == "closed" and footer.length == offset else None


def read_footer(files: Files, data_dir: Path, name: str) -> Footer | None:
    """Find the footer of a segment without reading the rest.

    :return: None if there is no whole one.
    :raises OSError: if neither file can be read.
    """
    try:
        return _plain_footer(files, plain_path(data_dir, name))
    except FileNotFoundError:
        return packed_footer(files, compressed_path(data_dir, name))


def packed_footer(files: Files, path: Path) -> Footer | None:
    """Find the footer of a compressed segment."""
    try:
        with PackedSegment(path, files) as packed:
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
            tail = files.read(fd, size - start, start)
            newline = tail.rfind(b"\n", 0, len(tail) - 1)
            if newline >= 0:
                return footer_of(tail[newline + 1 :], start + newline + 1)
            if start == 0 or length > 64 << 20:
                return None
            length *= 16
    finally:
        files.close(fd)
