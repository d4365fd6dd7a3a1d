"""Checks the store: every line's checksum, every footer, and the index against the segments."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import attr

from ccsproxy.exchange.codec import RecordHead
from ccsproxy.store.index.file import IndexUnusable, open_for_reading
from ccsproxy.store.index.rows import unpacked_id
from ccsproxy.store.segments.compressed import PackedError
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.lines import SegmentLines, lines, segment_exists, segment_pieces
from ccsproxy.store.segments.scan import footer_of, head_of
from ccsproxy.store.segments.segment import list_segments
from ccsproxy.store.summary import order_key


@attr.define
class SegmentReport:
    """The result for one segment.

    :ivar size: uncompressed bytes of its lines.
    :ivar damaged: lines that fail verification, followed by good ones.
    :ivar tail: bytes after the last good line: a torn tail, or a line that is being written.
    :ivar closed: whether it has a valid footer.
    :ivar unindexed: records that are missing in the index.
    :ivar dangling: requests in the index whose location is wrong.
    :ivar problem: why it could not be read completely, empty if it could.
    """

    name: str
    size: int = 0
    records: int = 0
    started: int = 0
    damaged: int = 0
    tail: int = 0
    closed: bool = False
    unindexed: int = 0
    dangling: int = 0
    problem: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing is wrong; a tail may be a line that is being written."""
        return not (self.damaged or self.unindexed or self.dangling or self.problem or (self.tail and self.closed))


@attr.define
class CheckReport:
    """The result for a store.

    :ivar index: ``ok``, or why the index could not be compared.
    :ivar gone: segments in the index that do not exist any more.
    """

    segments: list[SegmentReport] = attr.field(factory=list)
    index: str = "ok"
    gone: list[str] = attr.field(factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return self.index == "ok" and not self.gone and all(each.good for each in self.segments)


#: How many requests may have had the same order key, so that their keys were incremented.
_SHARED = 64

Rows = dict[int, tuple[int, str]]


def check(data_dir: Path, progress: Callable[[SegmentReport], None] = lambda report: None) -> CheckReport:
    """Read the whole store and compare it with its index; nothing is changed or locked.

    :param progress: called with each segment's result.
    """
    report = CheckReport()
    try:
        connection: sqlite3.Connection | None = open_for_reading(data_dir)
    except (IndexUnusable, sqlite3.Error) as reason:
        connection, report.index = None, str(reason)
    names = [name for name, _ in list_segments(data_dir)]
    for name in names:
        found = check_segment(data_dir, name, connection)
        if found.problem and not segment_exists(data_dir, name):
            continue  # removed by retention or by `rm` while others were read
        report.segments.append(found)
        progress(found)
    if connection is not None:
        try:
            # Listed again: a segment that was begun meanwhile is in the index, and not gone.
            report.gone = sorted(_known(connection) - {name for name, _ in list_segments(data_dir)})
        except sqlite3.Error as reason:
            report.index = str(reason)
        connection.close()
    return report


def check_segment(data_dir: Path, name: str, connection: sqlite3.Connection | None = None) -> SegmentReport:
    """Read one segment.

    :param connection: the index to compare it with.
    """
    report = SegmentReport(name)
    try:
        rows = None if connection is None else _rows(connection, name)
        unknown = _read(data_dir, report, rows)
        if connection is not None:
            report.unindexed = sum(not _is_known(connection, each) for each in unknown)
            report.dangling = len(rows or ())
    except (OSError, PackedError, sqlite3.Error) as reason:
        report.problem = str(reason)
    return report


def _read(data_dir: Path, report: SegmentReport, rows: Rows | None) -> list[RecordHead]:
    """Count a segment's lines, and remove the index rows that match them.

    :return: the heads of records and ``started`` lines without a matching row.
    """
    unknown: dict[str, RecordHead] = {}
    since_good = damaged = 0
    unread: list[str] = []
    for line in lines(segment_pieces(Files(), data_dir, report.name, damage=unread.append)):
        report.size = line.end
        head = head_of(line)
        if head is None:
            damaged, since_good = damaged + 1, since_good + line.length
            continue
        report.damaged, damaged, since_good = report.damaged + damaged, 0, 0
        report.closed = head.event == "closed" and footer_of(line.data, line.offset) is not None
        if head.event not in ("record", "started"):
            continue
        report.records += head.event == "record"
        report.started += head.event == "started"
        if rows is not None and rows.get(line.offset) == (line.length, head.id):
            del rows[line.offset]
        else:
            unknown[head.id] = head
    report.tail = since_good
    report.problem = unread[0] if unread else ""
    return list(unknown.values())


def _rows(connection: sqlite3.Connection, name: str) -> Rows:
    """Return a segment's rows in the index: offset to length and id."""
    sql = "SELECT offset, length, id FROM requests JOIN segments USING (segment) WHERE name = ?"
    return {offset: (length, unpacked_id(id_)) for offset, length, id_ in connection.execute(sql, (name,))}


def _is_known(connection: sqlite3.Connection, head: RecordHead) -> bool:
    """Tell whether the index has a request, whatever the location of its line."""
    try:
        key = order_key(head.started_at, head.id)
    except ValueError:
        return False
    ids = connection.execute("SELECT id FROM requests WHERE key BETWEEN ? AND ?", (key, key + _SHARED))
    return any(unpacked_id(stored) == head.id for (stored,) in ids)


def _known(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM segments")}


@attr.frozen
class Space:
    """One item of the space usage.

    :ivar name: of a segment, a session or a dialect.
    :ivar size: bytes on disk for segments, uncompressed bytes of records for the others.
    """

    what: str
    name: str
    size: int
    requests: int


def space(data_dir: Path) -> Iterator[Space]:
    """Yield the space usage by segment, session and dialect, the largest first.

    :raises IndexUnusable: if there is no usable index.
    """
    connection = open_for_reading(data_dir)
    try:
        segments = SegmentLines(data_dir)
        counts = dict(connection.execute(_IN_SEGMENTS).fetchall())
        sizes = [(segments.bytes_on_disk(name), name) for name in segments.names()]
        for size, name in sorted(sizes, reverse=True):
            yield Space("segment", name, size, counts.get(name, 0))
        for what, column in (("session", "session_id"), ("dialect", "dialect")):
            sql = (
                "SELECT value, sum(length), count(requests.key) "  # noqa: S608  (column names of our own)
                f"FROM requests LEFT JOIN names ON name = raw_{column} GROUP BY 1 ORDER BY 2 DESC"
            )
            for name, size, requests in connection.execute(sql):
                yield Space(what, name or "unknown", size, requests)
    finally:
        connection.close()


_IN_SEGMENTS = "SELECT name, count(*) FROM requests JOIN segments USING (segment) GROUP BY name"
