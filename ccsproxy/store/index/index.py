"""The index: everything that lists, filters, statistics and searches need, derived from the segments' lines.

One connection writes. What it takes in is taken in whole, with the mark of how far its segment has been read, so that
after a crash it goes on where it stopped, with no row twice and none missing.
"""

from collections.abc import Iterable
from pathlib import Path

import attr

from ccsproxy.exchange import codec
from ccsproxy.exchange.usage import Usage
from ccsproxy.providers.cost import Cost
from ccsproxy.store.index.call_facts import CallFacts
from ccsproxy.store.index.full_text import Texts
from ccsproxy.store.index.schema import COLUMNS, NAME, open_for_writing
from ccsproxy.store.index.sessions import Session, Sessions, columns_of, summary_of
from ccsproxy.store.index.tallies import Tallies
from ccsproxy.store.segments.lines import SegmentLine
from ccsproxy.store.summary import (
    KEY_BITS,
    Entry,
    Price,
    Summary,
    milliseconds,
    order_key,
    read_entry,
    set_cost,
    summarise,
)


def no_price(model: str | None, usage: Usage | None, at: str, upstream: str, url: str) -> Cost:
    """Know no price for any call."""
    return Cost(None, "price")


@attr.define
class Mark:
    """How far a segment has been read.

    :ivar number: the segment's number in the index.
    :ivar done: bytes read.
    :ivar closed: whether nothing will follow them.
    """

    number: int
    done: int
    closed: bool


class Index:
    """The index, as its one writer uses it. Not for several threads at once."""

    def __init__(self, data_dir: Path, price: Price = no_price) -> None:
        self._connection, self.new = open_for_writing(data_dir)
        self._path = data_dir / NAME
        self._inode = self._path.stat().st_ino
        self._price = price
        self._tallies = Tallies(self._connection)
        self._sessions = Sessions(self._connection)
        self._texts = Texts(self._connection)
        self.facts = CallFacts(self._connection, price)

    def close(self) -> None:
        """Close the index; the WAL is folded into it."""
        self._connection.close()

    def replaced(self) -> bool:
        """Tell whether the index was deleted, or another one put in its place, while this one was open."""
        try:
            return self._path.stat().st_ino != self._inode
        except OSError:
            return True

    def marks(self) -> dict[str, Mark]:
        """Return how far each segment has been read, by its name."""
        rows = self._connection.execute("SELECT name, segment, done, closed FROM segments")
        return {name: Mark(number, done, bool(closed)) for name, number, done, closed in rows}

    def mark(self, name: str) -> Mark:
        """Return how far a segment has been read, from now on known to the index."""
        self._connection.execute("INSERT OR IGNORE INTO segments (name) VALUES (?)", (name,))
        return self.marks()[name]

    def take(
        self, mark: Mark, lines: Iterable[SegmentLine], done: int, damaged: int = 0, closed: bool = False
    ) -> None:
        """Take lines of a segment in, all of them or none.

        :param done: where the next read of the segment begins.
        :param damaged: lines between them that were skipped.
        :param closed: whether nothing will follow.
        """
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            entries = [(line, _entry(line)) for line in lines]
            ended = {entry.id for line, entry in entries if entry is not None and not entry.started}
            for line, entry in entries:
                if entry is None:
                    damaged += not _is_note(line.json)
                elif not (entry.started and entry.id in ended):
                    self._take_entry(mark.number, line, entry)
            self._tallies.flush()
            self._sessions.flush()
            self._texts.flush()
            self._connection.execute(
                "UPDATE segments SET done = ?, closed = ?, damaged = damaged + ? WHERE segment = ?",
                (done, closed, damaged, mark.number),
            )
            self._connection.execute("COMMIT")
        except BaseException:
            self._undo()
            raise
        mark.done, mark.closed = done, closed

    def remove(self, name: str) -> list[int]:
        """Forget a segment and everything that is only in it.

        :return: keys of the requests whose texts have to be taken in again with `restore_texts`, because they repeat
            what was first said in the segment.
        """
        mark = self.marks().get(name)
        if mark is None:
            return []
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            heirs = self._remove(mark.number)
            self._connection.execute("COMMIT")
        except BaseException:
            self._undo()
            raise
        return heirs

    def restore_texts(self, key: int, line: bytes) -> None:
        """Index what a request says once more, as far as no other request is known to have said it first."""
        entry = read_entry(line)
        self._texts.forget(entry.session_id)
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            said = self._texts.said(entry, self._sessions.session(key, summarise(entry)).number, key)
            self._texts.add(key, said.texts)
            self._sessions.fold_again(entry.session_id)
            self._connection.execute("COMMIT")
        except BaseException:
            self._undo()
            raise

    def location(self, key: int) -> tuple[str, int, int] | None:
        """Return segment, offset and length of a request's line."""
        found: tuple[str, int, int] | None = self._connection.execute(
            "SELECT name, offset, length FROM requests JOIN segments USING (segment) WHERE key = ?", (key,)
        ).fetchone()
        return found

    def squeeze(self) -> str:
        """Write the index anew, so that nothing of what was deleted is left in it, and empty the WAL.

        :return: why the WAL could not be emptied, empty when it could; see `empty_wal`.
        """
        self._connection.execute("INSERT INTO passages (passages) VALUES ('optimize')")
        self._connection.execute("VACUUM")
        return self.empty_wal()

    def empty_wal(self) -> str:
        """Fold the WAL into the index and empty it; readers are waited for as long as a lock is.

        :return: why it could not be emptied, empty when it could.
        """
        (busy, _, _) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return f"another program is reading {self._path}" if busy else ""

    def _undo(self) -> None:
        self._tallies.forget()
        self._sessions.forget()
        self._texts.forget_all()
        self.facts.forget()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _take_entry(self, segment: int, line: SegmentLine, entry: Entry) -> None:
        """Take one exchange's beginning or end in; what is known of it already is not taken in twice."""
        key, known = self._place(entry)
        if known is None or (known == "" and not entry.started):
            self._write(entry, key, segment, line, was_in_flight=known is not None)
        elif not entry.started:
            self._move(key, segment, line)

    def _place(self, entry: Entry) -> tuple[int, str | None]:
        """Return an entry's key, and the outcome of the request that has it: null for none, empty while it runs."""
        key = order_key(entry.started_at, entry.id)
        while True:
            found = self._connection.execute("SELECT id, outcome FROM requests WHERE key = ?", (key,)).fetchone()
            if found is None:
                return key, None
            if found[0] == entry.id:
                return key, found[1] or ""
            key += 1

    def _move(self, key: int, segment: int, line: SegmentLine) -> None:
        """Point a request to the copy of its line that was written later."""
        self._connection.execute(
            "UPDATE requests SET segment = ?, offset = ?, length = ? WHERE key = ?",
            (segment, line.offset, line.length, key),
        )

    def _write(self, entry: Entry, key: int, segment: int, line: SegmentLine, was_in_flight: bool) -> None:
        row = summarise(entry)
        session = self._sessions.session(key, row)
        if not entry.started:
            self._complete(row, entry, session, key)
        session.fold(key, row, was_in_flight)
        values = (segment, line.offset, line.length, *columns_of(row), key)
        self._connection.execute(_UPDATE if was_in_flight else _INSERT, values)

    def _complete(self, row: Summary, entry: Entry, session: Session, key: int) -> None:
        """Add to a finished request's summary what its bodies and the price list say; index its texts."""
        set_cost(row, entry, self._price)
        said = self._texts.said(entry, session.number, key)
        row.tools = said.tools
        row.purpose, row.about, row.preview = said.preview.purpose, said.preview.about, said.preview.line
        self._texts.write(key, said.texts)
        if row.tools:
            named = [(name, key) for name in row.tools]
            self._connection.executemany("INSERT OR IGNORE INTO tools VALUES (?, ?)", named)
        self._tallies.count(row, key >> KEY_BITS)
        self.facts.due(key)

    def _remove(self, segment: int) -> list[int]:
        rows = self._connection.execute(_OF_SEGMENT, (segment,)).fetchall()
        touched = set()
        for key, *values in rows:
            row = summary_of(values)
            touched.add(row.session_id)
            if row.outcome is not None:
                self._tallies.count(row, key >> KEY_BITS, -1)
            for delete in _DELETES:
                self._connection.execute(delete, (key,))
            self.facts.remove(key)
            self._connection.executemany(
                "DELETE FROM tools WHERE name = ? AND key = ?", [(name, key) for name in row.tools]
            )
        self._connection.execute("DELETE FROM segments WHERE segment = ?", (segment,))
        self._tallies.flush()
        self._tallies.sweep()
        heirs = []
        self.facts.sweep(touched)
        for session_id in touched:
            self._texts.forget(session_id)
            self._connection.execute(_UNSAY, (session_id,))
            self._sessions.fold_again(session_id)
            heirs += [key for (key,) in self._connection.execute(_HEIRS, (session_id,))]
        return heirs


def _entry(line: SegmentLine) -> Entry | None:
    """Read a line of the index's interest, null when it cannot be understood."""
    try:
        entry = read_entry(line.json)
        milliseconds(entry.started_at)
    except ValueError:
        return None
    return entry if entry.started or entry.outcome is not None else None


def _is_note(data: bytes) -> bool:
    """Tell whether a line is one that segments write about themselves."""
    try:
        return codec.head(data).event not in {"record", "started"}
    except codec.LineError:
        return False


_NAMES = ", ".join(COLUMNS)
_PLACED = ("segment", "offset", "length", *COLUMNS, "key")
#: Two statements, since ``INSERT OR REPLACE`` costs three times as much as either.
_INSERT = f"INSERT INTO requests ({', '.join(_PLACED)}) VALUES ({', '.join('?' * len(_PLACED))})"  # noqa: S608
_UPDATE = f"UPDATE requests SET {', '.join(f'{name} = ?' for name in _PLACED[:-1])} WHERE key = ?"  # noqa: S608
_OF_SEGMENT = f"SELECT key, {_NAMES} FROM requests WHERE segment = ?"  # noqa: S608  (column names of our own)
_HEIRS = "SELECT min(key) FROM requests WHERE session_id = ? AND outcome IS NOT NULL GROUP BY agent"
_UNSAY = (
    "DELETE FROM seen WHERE session = (SELECT number FROM sessions WHERE session_id = ?) "
    "AND NOT EXISTS (SELECT 1 FROM requests WHERE requests.key = seen.key)"
)
_DELETES = (
    "DELETE FROM requests WHERE key = ?",
    "DELETE FROM passages WHERE rowid = ?",
)
