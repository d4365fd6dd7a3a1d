"""The parts of a segment: its name, its files, its first and its last line.

A segment is identified by its *name*, ``<UTC stamp>-<id>``, all its life; its file is ``<name>.jsonl`` while it is
written and ``<name>.jsonl.zst`` once it is compressed. Offsets count bytes of the uncompressed lines, so a `Location`
remains valid after compression. Names sort in the order in which the segments were created.
"""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import attr
import msgspec

from ccsproxy.exchange.ids import iso_time
from ccsproxy.store.settings import StoreSettings

#: Length of the time stamp at the start of a segment's name; one that replaces another has the same.
STAMP = 19
#: The version of the file format: header, lines, footer, compression.
FORMAT_VERSION = 1

#: Maximum length of a line in bytes: a longer record is written without its bodies, and a longer line in a file is
#: garbage, which is skipped without being kept in memory.
LONGEST_LINE = 128 << 20

PLAIN = ".jsonl"
COMPRESSED = ".jsonl.zst"
TORN = ".torn"
TEMPORARY = ".tmp"

_NAME = re.compile(r"\A\d{8}T\d{9}Z-[0-9a-f]{8}\Z")


@attr.frozen
class Location:
    """The location of a line.

    :ivar segment: the segment's name.
    :ivar offset: bytes before the line in the uncompressed segment.
    :ivar length: bytes of the line, including the newline.
    """

    segment: str
    offset: int
    length: int


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a segment.

    :ivar segment: the segment's name.
    :ivar writer: the program and version that wrote it.
    :ivar redacted: whether secrets were removed from what follows.
    :ivar run: the session id of the run that wrote it.
    """

    segment: str
    created_at: str
    writer: str
    redacted: bool
    run: str
    event: str = "segment"
    format: int = FORMAT_VERSION


class Footer(msgspec.Struct, frozen=True, kw_only=True):
    """The last line of a closed segment; anything after it is not part of the segment.

    :ivar sessions: for each session in the segment its highest sequence number there.
    :ivar records: how many records the segment contains.
    :ivar started: how many ``started`` lines it contains.
    :ivar pending: exchanges with a ``started`` line and no record in this segment: id to ``(offset, length)`` of that
    line.
    :ivar ended: ids of the exchanges with a record and no ``started`` line in this segment.
    :ivar length: bytes before this line.
    :ivar replaces: names of the segments whose records were copied to this one; if one of them still exists, it must
    be removed.
    """

    sessions: dict[str, int]
    records: int
    started: int
    pending: dict[str, tuple[int, int]]
    ended: list[str]
    length: int
    closed_at: str
    damaged: int = 0
    replaces: list[str] = []
    event: str = "closed"
    format: int = FORMAT_VERSION


def segment_name(seconds: float, random: bytes, after: str = "") -> str:
    """Make the name of a new segment.

    :param seconds: now, since the epoch.
    :param random: four random bytes.
    :param after: the newest existing name; the new one sorts after it even if the clock was set back.
    """
    stamp = _stamp(seconds)
    if after and stamp <= after[: len(stamp)]:
        stamp = _stamp(stamp_seconds(after) + 0.001)
    return f"{stamp}-{random.hex()}"


def headers(settings: StoreSettings, clock: Callable[[], float]) -> Callable[[str], Header]:
    """Return a function that makes the header of a segment created now.

    :param clock: seconds since the epoch.
    """
    return lambda name: Header(
        segment=name,
        created_at=iso_time(clock()),
        writer=settings.writer,
        redacted=settings.redact,
        run=settings.run,
    )


def stamp_seconds(name: str) -> float:
    """Return when the segment with that name was created, in seconds since the epoch."""
    begun = datetime.strptime(name[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return begun.timestamp() + int(name[15:18]) / 1000


def is_segment_name(name: str) -> bool:
    """Tell whether a string is a segment name."""
    return _NAME.match(name) is not None


def segments_dir(data_dir: Path) -> Path:
    """Return the directory of the segments."""
    return data_dir / "segments"


def plain_path(data_dir: Path, name: str) -> Path:
    """Return the path of a segment that is not compressed."""
    return segments_dir(data_dir) / (name + PLAIN)


def aside_path(data_dir: Path, name: str) -> Path:
    """Return the path at which a compressed segment is written before it gets its name.

    Not ``*.jsonl*``: programs that read the directory by that pattern, as documented, must not find a file that is
    incomplete and about to disappear.
    """
    return segments_dir(data_dir) / f"{name}.zst{TEMPORARY}"


def compressed_path(data_dir: Path, name: str) -> Path:
    """Return the path of a compressed segment."""
    return segments_dir(data_dir) / (name + COMPRESSED)


def list_segments(data_dir: Path) -> list[tuple[str, bool]]:
    """List the segments, oldest first.

    :return: pairs of name and whether only the compressed file exists; anything else in the directory is ignored, and
    a missing directory counts as empty.
    :raises OSError: if the directory cannot be read: that does not mean that there is nothing in it.
    """
    try:
        names = os.listdir(segments_dir(data_dir))
    except (FileNotFoundError, NotADirectoryError):
        return []
    plain = {name.removesuffix(PLAIN) for name in names if name.endswith(PLAIN)}
    packed = {name.removesuffix(COMPRESSED) for name in names if name.endswith(COMPRESSED)}
    return [(name, name not in plain) for name in sorted(plain | packed) if is_segment_name(name)]


def _stamp(seconds: float) -> str:
    return iso_time(seconds).replace("-", "").replace(":", "").replace(".", "")
