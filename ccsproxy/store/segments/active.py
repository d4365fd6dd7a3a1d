"""The segment being written: appends whole lines, and cuts back lines that were not written completely."""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from ccsproxy.exchange import codec
from ccsproxy.exchange.ids import iso_time
from ccsproxy.store.segments.files import Files, remove_if_there, write_all
from ccsproxy.store.segments.long_line import LongLine
from ccsproxy.store.segments.segment import Header, Location, plain_path
from ccsproxy.store.segments.tally import Tally

Lines = Sequence[tuple[codec.RecordHead, bytes | LongLine]]


class ActiveSegment:
    """A new segment file with its header.

    :param files: file operations.
    :param data_dir: the data directory.
    :param header: its first line; contains the name.
    :param durable: whether to sync the directory entry.
    :ivar size: bytes of complete lines.
    :ivar synced: bytes known to be on disk.
    :ivar broken: the file ends with something that could not be cut off, or could not be synced: nothing may be
    appended.
    :raises OSError: if it cannot be created; nothing is left behind then.
    """

    def __init__(self, files: Files, data_dir: Path, header: Header, durable: bool = True) -> None:
        self.name = header.segment
        self.path = plain_path(data_dir, self.name)
        self.tally = Tally()
        self.size = 0
        self.synced = 0
        self.broken = False
        self._files = files
        self._fd = files.create(self.path)
        try:
            if self._append(codec.encode(header)) == 0:
                raise OSError(f"the header of {self.path} could not be written")
            if durable:
                # Syncing the file is not enough: without its directory entry a power failure loses all of it.
                files.sync_directory(self.path.parent)
        except OSError:
            self.abandon()
            remove_if_there(files, self.path)
            raise

    def append(self, lines: Lines) -> tuple[list[Location], OSError | None]:
        """Append lines with a single write; one that is long and alone, piece by piece.

        :return: locations of the lines that were written completely, from the first on, and why the rest were not.
        """
        before, error, written = self.size, None, 0
        try:
            written = self._append(_data_of(lines), [len(line) for _, line in lines])
        except OSError as failed:
            error = failed
        found: list[Location] = []
        offset = before
        for head, line in lines:
            # Complete lines only: a reader that follows the file must never see a line that will be cut off again.
            if offset + len(line) > before + written:
                error = error or OSError("a write was cut short")
                break
            self.tally.add(head, offset, len(line))
            found.append(Location(self.name, offset, len(line)))
            offset += len(line)
        return found, error

    def is_linked(self) -> bool:
        """Tell whether the file still has a name."""
        try:
            return self._files.is_linked(self._fd)
        except OSError:
            return True  # appending will report it

    def sync(self) -> None:
        """Sync what was appended.

        :raises OSError: if that fails; the segment is broken then, because the kernel may have dropped the pages and
        will not report it again.
        """
        try:
            self._files.sync(self._fd)
            if not self._files.is_linked(self._fd):
                raise OSError(f"{self.path} was removed while it was written")
        except OSError:
            self.broken = True
            raise
        self.synced = self.size

    def cut_back(self, size: int) -> None:
        """Cut unacknowledged lines off the end; the segment is broken if that fails."""
        try:
            self._files.truncate(self._fd, size)
            self.size = size
        except OSError:
            self.broken = True

    def close(self, seconds: float, durable: bool = True) -> None:
        """Write the footer, sync and close; without a footer, the segment is sealed later.

        :param seconds: now, since the epoch.
        """
        try:
            if not self.broken:
                self._append(codec.encode(self.tally.footer(self.size, iso_time(seconds))))
                if durable:
                    self.sync()
        except OSError:
            self.broken = True
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the file as it is."""
        try:
            self._files.close(self._fd)
        except OSError:
            pass  # what was acknowledged has already been written to the kernel

    def _append(self, data: bytes | LongLine, lengths: Sequence[int] = ()) -> int:
        """Append bytes, keep only complete lines of them, and return how many bytes were kept."""
        try:
            if isinstance(data, LongLine):
                written = self._write_pieces(data)
            else:
                written = write_all(self._files, self._fd, data)
        except BaseException:
            self._repair(self.size)
            raise
        kept = max((end for end in accumulate(lengths or (len(data),)) if end <= written), default=0)
        self.size += kept
        if kept < written:
            self._repair(self.size)
        return kept

    def _write_pieces(self, line: LongLine) -> int:
        """Write a line as far as the disk accepts it, and return how many bytes were written."""
        written = 0
        for piece in line.pieces():
            try:
                taken = write_all(self._files, self._fd, piece)
            except OSError:
                if not written:
                    raise
                return written
            written += taken
            if taken < len(piece):
                break
        return written

    def _repair(self, size: int) -> None:
        try:
            if self._files.size(self._fd) > size:
                self._files.truncate(self._fd, size)
        except OSError:
            self.broken = True


def _data_of(lines: Lines) -> bytes | LongLine:
    if len(lines) == 1:
        return lines[0][1]
    return b"".join(
        piece for _, line in lines for piece in (line.pieces() if isinstance(line, LongLine) else (line,))
    )
