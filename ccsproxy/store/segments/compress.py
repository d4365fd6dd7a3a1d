"""Compresses a closed segment: written aside, verified, renamed; only then is the plain file removed."""

from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

import attr

from ccsproxy.store.segments.compressed import FRAME_SIZE, CompressedSegment, FrameWriter, PackedError, seek_table
from ccsproxy.store.segments.files import Files, remove_if_there, write_all
from ccsproxy.store.segments.lines import SegmentLine, file_pieces, lines
from ccsproxy.store.segments.scan import footer_of
from ccsproxy.store.segments.segment import aside_path, compressed_path, plain_path


@attr.define
class Check:
    """What was written, to be compared with what is read back.

    :ivar length: of all bytes.
    :ivar sum: their checksum.
    :ivar damaged: damaged lines that the footer does not know of: the disk gave them otherwise than it took them.
    """

    length: int = 0
    sum: int = 0
    damaged: int = 0

    def add(self, data: bytes) -> None:
        """Process the next bytes."""
        self.length += len(data)
        self.sum = crc32(data, self.sum)


def compress_segment(files: Files, data_dir: Path, name: str) -> bool:
    """Compress a closed segment.

    :return: False if the segment does not exist, or has no footer yet.
    :raises OSError: if it cannot be written; the plain file is unchanged, and nothing else is left.
    :raises PackedError: if what was written cannot be read back.
    """
    plain, target = plain_path(data_dir, name), compressed_path(data_dir, name)
    aside = aside_path(data_dir, name)
    try:
        check = write_packed(files, aside, lines(file_pieces(files, plain)))
        verify_packed(files, aside, check)
        files.rename(aside, target)
    except (FileNotFoundError, NoFooterError):
        remove_if_there(files, aside)
        return False
    except BaseException:
        remove_if_there(files, aside)
        raise
    files.sync_directory(target.parent)
    try:
        files.unlink(plain)
    except FileNotFoundError:
        # Somebody removed the segment while it was compressed: it must not come back under another name.
        remove_if_there(files, target)
        return False
    finally:
        files.sync_directory(target.parent)
    return True


class NoFooterError(Exception):
    """The lines do not end with a footer."""


def write_packed(files: Files, path: Path, found: Iterable[SegmentLine]) -> Check:
    """Write lines, the last of which is a footer, to a new compressed file and sync it.

    :return: length and checksum of the lines.
    :raises NoFooterError: if the last line is not a footer.
    """
    remove_if_there(files, path)
    fd = files.create(path)
    try:
        return _PackedFile(files, fd).write(found)
    finally:
        files.close(fd)


def verify_packed(files: Files, path: Path, written: Check) -> None:
    """Read a compressed file back: all bytes unchanged, and the footer in a frame of its own.

    Lines are not looked at again: those of equal bytes are as good as they were when they were written.

    :raises PackedError: if verification fails, or a line was damaged already when it was compressed.
    """
    check = Check(damaged=written.damaged)
    with CompressedSegment(path, files) as packed:
        for _, piece in packed.pieces():
            check.add(piece)
        offset, last = packed.last_frame()
    if check != written or written.damaged > 0 or footer_of(last, offset) is None:
        raise PackedError(f"{path} does not read back as it was written")


class _PackedFile:
    """Collects lines into frames and appends these to a file."""

    def __init__(self, files: Files, fd: int) -> None:
        self._files = files
        self._fd = fd
        self._frames: list[tuple[int, int]] = []
        self._frame = FrameWriter()

    def write(self, found: Iterable[SegmentLine]) -> Check:
        check, last = Check(), None
        for line in found:
            check.damaged += not line.good
            if last is not None:
                self._add(last, check)
            # The footer is delayed by one line, so that it always gets a frame of its own.
            if self._frame.size >= FRAME_SIZE:
                self._flush()
            last = line
        footer = footer_of(last.data, last.offset) if last is not None else None
        if last is None or footer is None:
            raise NoFooterError
        check.damaged -= footer.damaged
        self._flush()
        self._add(last, check)
        self._flush()
        self._put(seek_table(self._frames))
        self._files.sync(self._fd)
        return check

    def _add(self, line: SegmentLine, check: Check) -> None:
        # A line that readers refuse as too long cannot be copied completely: then the plain file is kept.
        if len(line.data) != line.length:
            raise PackedError(
                f"a line of {line.length} bytes is too long to be compressed; the segment stays as it is"
            )
        for compressed in self._frame.add(line.data):
            self._put(compressed)
        check.add(line.data)

    def _flush(self) -> None:
        if self._frame.size:
            self._put(self._frame.finish())
            self._frames.append((self._frame.length, self._frame.size))
            self._frame = FrameWriter()

    def _put(self, data: bytes) -> None:
        if data and write_all(self._files, self._fd, data) < len(data):
            raise OSError("a compressed segment could not be written completely")
