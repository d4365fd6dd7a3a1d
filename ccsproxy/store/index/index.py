"""The index: everything that lists, filters, statistics and searches need, derived from segment lines.

One connection writes. Each batch is indexed completely or not at all, together with the mark of how far its segment
has been read, so that after a crash indexing continues where it stopped, without duplicate or missing rows.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from twisted.logger import Logger

from ccsproxy.store.index.entries import Mark, entries_at, entry_of, is_note
from ccsproxy.store.index.facts.making import CallFacts
from ccsproxy.store.index.file import IndexFile, IndexMoved
from ccsproxy.store.index.rows import Names, RowWriter, key_of, summary_of
from ccsproxy.store.index.schema import COLUMNS, INDEXES
from ccsproxy.store.index.sessions import SessionRows, SessionTotals
from ccsproxy.store.index.statements import HEIRS, INSERT, MARK, OF_KEY, OF_SEGMENT, OF_THE_LINE, UPDATE
from ccsproxy.store.index.tallies import SpanCounts
from ccsproxy.store.index.texts.full_text import Texts
from ccsproxy.store.index.texts.shards import Shard
from ccsproxy.store.segments.lines import SegmentLine, SegmentLines
from ccsproxy.store.summary import (
    KEY_BITS,
    Entry,
    Price,
    Summary,
    no_price,
    read_entry,
    set_cost,
    summarise,
)

T = TypeVar("T")
_SESSION = COLUMNS.index("session_id")


class Index:
    """The index, as its one writer uses it. Not thread-safe."""

    def __init__(self, data_dir: Path, price: Price = no_price) -> None:
        self._file = IndexFile(data_dir)
        self._connection = self._file.open()
        self._price = price
        self._rows = RowWriter(self._connection)
        self._names = Names(self._connection)
        self._tallies = SpanCounts(self._connection, self._rows)
        self._sessions = SessionRows(self._connection)
        self._texts = Texts(self._connection)
        self.facts = CallFacts(self._connection, price)

    @property
    def new(self) -> bool:
        """Whether it has not caught up with the segments yet since it was made."""
        return self._file.building

    @property
    def set_aside(self) -> int:
        """How many lines could not be taken in, and are not tried again."""
        return int(self._connection.execute("SELECT count(*) FROM set_aside").fetchone()[0])

    def close(self) -> None:
        """Close the index; the WAL is folded into it."""
        self._connection.close()

    def replaced(self) -> bool:
        """Return whether the index was deleted or replaced while it was open."""
        return self._file.replaced()

    def settle(self) -> None:
        """Optimise an index that has caught up, and let it replace the previous one."""
        for statement in INDEXES:
            self._connection.execute(statement)
        if self._file.settle():
            raise IndexMoved

    def marks(self) -> dict[str, Mark]:
        """Return how far each segment has been read, by its name."""
        rows = self._connection.execute("SELECT name, segment, done, closed FROM segments")
        return {name: Mark(number, done, bool(closed)) for name, number, done, closed in rows}

    def mark(self, name: str) -> Mark:
        """Return how far a segment has been read, from now on known to the index."""
        self._connection.execute("INSERT OR IGNORE INTO segments (name) VALUES (?)", (name,))
        return self.marks()[name]

    def take(
        self, mark: Mark, lines: Sequence[SegmentLine], done: int, damaged: int = 0, closed: bool = False
    ) -> None:
        """Index lines of a segment, all at once; those that cannot be indexed are set aside and counted.

        :param done: the offset of the next read of the segment.
        :param damaged: number of lines between them that were skipped.
        :param closed: whether the segment is complete.
        :raises sqlite3.OperationalError: if the index cannot be written; it is then unchanged.
        """
        try:
            self._transaction(lambda: self._take(mark, lines, done, damaged, closed))
        except OF_THE_LINE as error:
            reason = repr(error)[:200]
            if len(lines) > 1:
                # Halving finds the one line among thousands in a dozen transactions, and takes the others in.
                middle = len(lines) // 2
                self.take(mark, lines[:middle], lines[middle].offset)
                self.take(mark, lines[middle:], done, damaged, closed)
                return
            if not lines:
                raise
            _log.warn("a line of {offset} is not indexed: {reason}", offset=lines[0].offset, reason=reason)
            self._transaction(lambda: self._put_aside(mark, lines[0], reason, done, damaged, closed))
        mark.done, mark.closed = done, closed

    def remove(self, name: str) -> list[int]:
        """Remove a segment and everything that is only in it.

        :return: keys of the requests whose texts have to be indexed again with `restore_texts`, because they repeat
            texts that occurred first in the segment.
        """
        mark = self.marks().get(name)
        return self._transaction(lambda: self._remove(mark.number)) if mark is not None else []

    def restore_texts(self, key: int, line: bytes) -> None:
        """Index the texts of a request again, as far as no other request is known to have contained them first."""

        def restore() -> None:
            entry = read_entry(line)
            self._texts.say(entry, self._sessions.number(entry.session_id), key)
            self._texts.flush()

        self._transaction(restore)

    def tidy(self, lines: SegmentLines) -> None:
        """Reclaim the space of what was removed with its segments."""
        for shard in self._transaction(self._texts.drop_unsaid):
            self._remake(shard, lines)
        self._give_back()

    def _remake(self, shard: Shard, lines: SegmentLines) -> None:
        """Rebuild a shard of the full text from the remaining records."""
        places: dict[str, list[tuple[int, int]]] = {}
        for key in self._texts.sayers(shard):
            if place := self.location(key):
                places.setdefault(place[0], []).append(place[1:])
        self._transaction(lambda: self._texts.remake(shard, entries_at(lines, places)))

    def location(self, key: int) -> tuple[str, int, int] | None:
        """Return segment, offset and length of a request's line."""
        found: tuple[str, int, int] | None = self._connection.execute(
            "SELECT name, offset, length FROM request_rows JOIN segments USING (segment) WHERE key = ?", (key,)
        ).fetchone()
        return found

    def squeeze(self, lines: SegmentLines) -> str:
        """Rewrite the index, so that no deleted content is left in it, and empty the WAL.

        :return: why the WAL could not be emptied, empty if it could; see `empty_wal`.
        """
        self._file.remove_others()
        for shard in self._texts.with_removed_texts():
            self._remake(shard, lines)
        self._connection.execute("VACUUM")
        return self.empty_wal()

    def rest(self) -> None:
        """Pack the full text while there is nothing else to do."""
        self._transaction(self._texts.pack)
        self._give_back()
        self.empty_wal()

    def _give_back(self) -> None:
        """Give pages that hold nothing back to the file system."""
        # Not by `execute`, which takes one step of a statement that returns nothing: that gives back one page.
        self._connection.executescript("PRAGMA incremental_vacuum")

    def empty_wal(self) -> str:
        """Fold the WAL into the index and empty it; readers are waited for as long as a lock is.

        :return: why it could not be emptied, empty when it could.
        """
        (busy, _, _) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return f"another program is reading {self._file.path}" if busy else ""

    def together(self, work: Callable[[], None]) -> None:
        """Do several things in one transaction, so that readers see none of them, or all."""
        self._transaction(work)

    def _transaction(self, work: Callable[[], T]) -> T:
        """Run a function in a transaction; if it is rolled back, clear the caches of the parts as well."""
        within = self._connection.in_transaction
        self._connection.execute("SAVEPOINT part" if within else "BEGIN IMMEDIATE")
        try:
            result = work()
            self._connection.execute("RELEASE part" if within else "COMMIT")
        except BaseException:
            # They cache what they have written, which is invalid after a rollback.
            for part in (self._rows, self._tallies, self._sessions, self.facts):
                part.forget()
            self._texts.forget_all()
            self._names.clear()
            if self._connection.in_transaction:
                for statement in ("ROLLBACK TO part", "RELEASE part") if within else ("ROLLBACK",):
                    self._connection.execute(statement)
            raise
        return result

    def _take(self, mark: Mark, lines: Sequence[SegmentLine], done: int, damaged: int, closed: bool) -> None:
        entries = [(line, entry_of(line)) for line in lines]
        self.facts.begin(len(entries) if not self.new else None)
        ended = {entry.id for _, entry in entries if entry is not None and not entry.started}
        for line, entry in entries:
            if entry is None:
                damaged += not is_note(line.json)
            # Both in one batch, as for most short calls: the beginning would be written only to be replaced.
            elif not (entry.started and entry.id in ended):
                self._take_entry(mark.number, line, entry)
        self._flush()
        self._connection.execute(MARK, (done, closed, damaged, mark.number))

    def _put_aside(self, mark: Mark, line: SegmentLine, reason: str, done: int, damaged: int, closed: bool) -> None:
        row = (mark.number, line.offset, line.length, reason)
        self._connection.execute("INSERT OR REPLACE INTO set_aside VALUES (?, ?, ?, ?)", row)
        self._connection.execute(MARK, (done, closed, damaged, mark.number))

    def _flush(self) -> None:
        for part in (self._tallies, self._sessions, self._texts, self._rows, self.facts):
            part.flush()

    def _take_entry(self, segment: int, line: SegmentLine, entry: Entry) -> None:
        """Index one exchange's beginning or end; what is already known of it is not indexed twice."""
        key, known = key_of(self._connection, self._names, entry.started_at, entry.id)
        if known is None or (known == "" and not entry.started):
            self._write(entry, key, segment, line, was_in_flight=known is not None)
        elif not entry.started:
            self._move(key, segment, line)

    def _move(self, key: int, segment: int, line: SegmentLine) -> None:
        """Point a request to the copy of its line that was written later."""
        self._connection.execute(
            "UPDATE request_rows SET segment = ?, offset = ?, length = ? WHERE key = ?",
            (segment, line.offset, line.length, key),
        )

    def _write(self, entry: Entry, key: int, segment: int, line: SegmentLine, was_in_flight: bool) -> None:
        row = summarise(entry)
        session = self._sessions.session(key, row)
        if not entry.started:
            self._complete(row, entry, session, key)
        session.fold(key, row, was_in_flight)
        if was_in_flight:
            self._rows.removed(self._connection.execute(OF_KEY, (key,)).fetchone())
        columns = self._rows.columns(key, row)
        values = (segment, line.offset, line.length, *columns, key)
        self._connection.execute(UPDATE if was_in_flight else INSERT, values)
        if not entry.started:
            self.facts.take(key, columns[_SESSION], line.data, entry.request.body)

    def _complete(self, row: Summary, entry: Entry, session: SessionTotals, key: int) -> None:
        """Add to a finished request's summary what follows from its bodies and the price list; index its texts."""
        set_cost(row, entry, self._price)
        said = self._texts.say(entry, session.number, key)
        row.tools = said.tools
        row.purpose, row.about, row.preview = said.preview.purpose, said.preview.about, said.preview.line
        self._rows.call_tools(key, row.tools)
        self._tallies.count(row, key >> KEY_BITS)

    def _remove(self, segment: int) -> list[int]:
        touched = set()
        gone: dict[int, set[int]] = {}
        for key, *columns in self._connection.execute(OF_SEGMENT, (segment,)).fetchall():
            row = summary_of(self._names, key, columns)
            touched.add(row.session_id)
            gone.setdefault(columns[_SESSION], set()).add(key)
            if row.outcome is not None:
                self._tallies.count(row, key >> KEY_BITS, -1)
            self._rows.removed(columns)
            self._rows.call_tools(key, row.tools, -1)
        self.facts.remove(gone)
        for table in ("request_rows", "segments", "set_aside"):
            self._connection.execute(f"DELETE FROM {table} WHERE segment = ?", (segment,))  # noqa: S608  (constants)
        heirs = []
        for session_id in touched:
            self._texts.forget(session_id, self._sessions.number(session_id))
            self._sessions.fold_again(session_id)
            heirs += [key for (key,) in self._connection.execute(HEIRS, (session_id,))]
        self._flush()
        self._rows.sweep()
        self._names.clear()
        return heirs


_log = Logger()
