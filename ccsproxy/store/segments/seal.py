"""Seals a segment that was not closed: its torn tail is cut off and its footer is written."""

from pathlib import Path

from ccsproxy.exchange import codec
from ccsproxy.exchange.ids import iso_time
from ccsproxy.store.segments.files import Files, remove_if_there, write_all
from ccsproxy.store.segments.lines import file_pieces, lines
from ccsproxy.store.segments.scan import Scan, scan
from ccsproxy.store.segments.segment import TORN, plain_path, segments_dir


def seal(files: Files, data_dir: Path, name: str, seconds: float) -> Scan:
    """Close a segment that was not closed.

    The torn tail is kept in ``<name>.torn``. A segment without any record or ``started`` line is removed.

    :param seconds: now, since the epoch.
    :return: its content; `Scan.footer` is None if it was removed.
    :raises OSError: if it cannot be written; the segment is unchanged then, or complete except for its footer.
    """
    path = plain_path(data_dir, name)
    found = scan(lines(file_pieces(files, path)))
    if found.end < found.size:
        _set_aside(files, data_dir, name, found.end)
        # A torn tail is left by a kill in the middle of a write; it was never acknowledged.
        found.torn, found.size = True, found.end
    if found.footer is not None:
        return found
    if not found.tally.records and not found.tally.started and not found.tally.damaged:
        files.unlink(path)
        files.sync_directory(path.parent)
        return found
    _close(files, path, found, seconds)
    return found


def _set_aside(files: Files, data_dir: Path, name: str, end: int) -> None:
    """Copy the tail, then cut it off: it always exists somewhere."""
    torn = segments_dir(data_dir) / (name + TORN)
    remove_if_there(files, torn)
    fd = files.open_append(plain_path(data_dir, name))
    copy = files.create(torn)
    try:
        offset = end
        while piece := files.read(fd, 1 << 20, offset):
            if write_all(files, copy, piece) < len(piece):
                raise OSError("the torn tail could not be set aside")
            offset += len(piece)
        # Before the cut: a power failure in between leaves the tail twice, never not at all.
        files.sync(copy)
        files.truncate(fd, end)
    finally:
        files.close(copy)
        files.close(fd)


def _close(files: Files, path: Path, found: Scan, seconds: float) -> None:
    footer = found.tally.footer(found.end, iso_time(seconds))
    line = codec.encode(footer)
    fd = files.open_append(path)
    try:
        if write_all(files, fd, line) < len(line):
            # Half a footer would be a torn tail for the next start, and be kept as if it were a record.
            files.truncate(fd, found.end)
            raise OSError("the footer could not be written")
        files.sync(fd)
    finally:
        files.close(fd)
    found.footer = footer
    found.size = found.end = found.end + len(line)
