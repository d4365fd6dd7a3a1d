"""Segments for tests of shipping: written line by line, closed, compressed, cut and rewritten as the store does."""

from collections.abc import Sequence
from pathlib import Path

from ccsproxy.exchange import codec
from ccsproxy.exchange.record import Record
from ccsproxy.store.segments.compress import compress_segment
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.rewrite import Keep, Rewriter
from ccsproxy.store.segments.seal import seal
from ccsproxy.store.segments.segment import Header, plain_path, segments_dir
from test.store.records import record, started

FIRST, SECOND, THIRD = (f"20261130T1{hour}0000000Z-0000000a" for hour in (0, 1, 2))


class Segments:
    """The segments of one data dir."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        segments_dir(data_dir).mkdir(parents=True, exist_ok=True)

    def begin(self, name: str, redacted: bool = True) -> None:
        """Begin a segment."""
        header = Header(segment=name, created_at="2026-11-30T10:00:00.000Z", writer="t", redacted=redacted, run="r")
        self.append(name, codec.encode(header))

    def append(self, name: str, *lines: bytes) -> None:
        """Append lines as they are."""
        with plain_path(self.data_dir, name).open("ab") as file:
            file.write(b"".join(lines))

    def add(self, name: str, records: Sequence[Record | int], session: str = "s") -> None:
        """Append records, given as such or as numbers, each behind its ``started`` line."""
        if not plain_path(self.data_dir, name).exists():
            self.begin(name)
        for each in records:
            made = record(each, session) if isinstance(each, int) else each
            self.append(name, codec.encode(started(made.seq, made.session_id)), codec.encode(made))

    def close(self, name: str, compress: bool = True) -> None:
        """Close a segment, as it is when nothing is appended to it any more."""
        seal(Files(), self.data_dir, name, 0.0)
        if compress:
            compress_segment(Files(), self.data_dir, name)

    def rewrite(self, name: str, keep: Keep, random: bytes) -> str | None:
        """Rewrite a closed segment, under a name that ends with some bytes."""
        files = Files()

        def header(new: str) -> Header:
            return Header(segment=new, created_at="2026-11-30T10:00:00.000Z", writer="t", redacted=True, run="r")

        return Rewriter(files, self.data_dir, header, lambda: 0.0, lambda count: random).rewrite(name, keep)
