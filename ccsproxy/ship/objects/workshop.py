"""A temporary directory in which segments are read, compressed and cut, like in a data directory."""

import os
from collections.abc import Iterator
from pathlib import Path

from ccsproxy.ship.delivery.batch import ShippedLine
from ccsproxy.store.segments.compress import write_packed
from ccsproxy.store.segments.compressed import PackedError
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.lines import SegmentLine, file_pieces, lines, segment_pieces
from ccsproxy.store.segments.rewrite import Rewriter
from ccsproxy.store.segments.scan import head_of, read_footer
from ccsproxy.store.segments.segment import Footer, Header, compressed_path, plain_path, segments_dir


class Workshop:
    """Works on segments outside their data directory.

    :param folder: an empty directory.
    :param data_dir: where segments are read; nothing is changed there.
    """

    def __init__(self, folder: Path, data_dir: Path) -> None:
        self._folder, self._data_dir, self._files = folder, data_dir, Files()
        segments_dir(folder).mkdir(mode=0o700)

    def packed(self, name: str) -> Path:
        """Return the compressed file of a closed segment in the data directory, compressed here if necessary.

        :raises OSError: if it cannot be read; likewise `PackedError`.
        """
        there = compressed_path(self._data_dir, name)
        if there.exists():
            return there
        made = compressed_path(self._folder, name)
        try:
            write_packed(self._files, made, lines(file_pieces(self._files, plain_path(self._data_dir, name))))
        except FileNotFoundError:  # compressed meanwhile
            return there
        return made

    def records(self, name: str, content: bool, fetched: bool = False) -> Iterator[ShippedLine]:
        """Yield the records of a segment.

        :param fetched: whether it was fetched to this directory, instead of being in the data directory.
        """
        folder = self._folder if fetched else self._data_dir
        for line in lines(segment_pieces(self._files, folder, name, damage=lambda reason: None)):
            if _is_record(line):
                yield ShippedLine(line.offset, bytes(line.data), content)

    def bring(self, name: str, data: bytes) -> None:
        """Write the compressed file of a segment to this directory."""
        path = compressed_path(self._folder, name)
        path.touch(mode=0o600)
        path.write_bytes(data)

    def footer(self, name: str, size: int, end: bytes) -> Footer | None:
        """Read the footer of a segment of which only the last bytes are available.

        :param size: bytes of the compressed file.
        :return: null if it is not within these bytes, or cannot be read.
        """
        path = compressed_path(self._folder, name)
        try:
            # The rest is a sparse hole that is never read.
            with path.open("wb") as file:
                file.truncate(size)
                file.seek(size - len(end))
                file.write(end)
            return read_footer(self._files, self._folder, name)
        except PackedError:
            return None
        finally:
            path.unlink()

    def cut(self, name: str, session_id: str) -> tuple[str, Path] | None:
        """Remove a session from a segment that was fetched to this directory.

        :return: the name and the file of the rest, null if nothing is left.
        :raises PackedError: if a part of it cannot be read, so that its content is unknown.
        """

        def header(new: str) -> Header:
            return Header(segment=new, created_at="", writer="ccsproxy", redacted=True, run="")

        rewriter = Rewriter(self._files, self._folder, header, lambda: 0.0, os.urandom)
        new = rewriter.rewrite(name, lambda head: head.session_id != session_id)
        return (new, compressed_path(self._folder, new)) if new else None


def _is_record(line: SegmentLine) -> bool:
    head = head_of(line)
    return head is not None and head.event == "record"
