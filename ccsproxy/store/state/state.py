"""The durable state of a data directory, in one small SQLite file: what its segments do not contain.

It contains stars and notes, the highest sequence numbers of removed sessions, jobs for the service, the position of
each shipping target, and which answers have not been counted. Every change is one atomic transaction across
processes, so that two concurrent commands lose nothing; deleted data is overwritten in the file. Unlike the index it
must not be deleted: a damaged file is an error, and nothing is removed from the store until it is repaired.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from ccsproxy.store.state.file import DAMAGED, RAISE_MARK, StateError, is_damaged, open_state, transaction

NAME = "state.sqlite3"
#: How many answers without usage are remembered; their providers keep them for 30 days at most.
MOST_UNCOUNTED = 10_000


_T = TypeVar("_T")


class State:
    """The durable state. May be used from several threads and processes at once.

    Invariant: what a method has returned from is on disk (`synchronous` is FULL), and nothing that was deleted
    remains in the file's pages; `erase` empties the WAL too. The file is opened on first use; every method except
    `close` raises `StateError` if it cannot be opened, is damaged, or was made by a newer version.
    """

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / NAME
        self._lock = threading.Lock()
        self._open: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file; the last process to do so merges the WAL into it. Using it again reopens it."""
        with self._lock:
            connection, self._open = self._open, None
            if connection is not None:
                connection.close()

    def stars(self) -> frozenset[str]:
        """Return the sessions that retention must keep."""
        return frozenset(str(session) for (session,) in self.ask("SELECT session_id FROM stars"))

    def with_stars(self, work: Callable[[frozenset[str]], None]) -> None:
        """Do something with the current stars while nobody can change them.

        :param work: removes what is not starred; it must not use the state.
        """

        def run(connection: sqlite3.Connection) -> None:
            work(frozenset(session for (session,) in connection.execute("SELECT session_id FROM stars")))

        with self._lock:
            self._using(lambda connection: transaction(connection, run))

    def star(self, sessions: Iterable[str]) -> None:
        """Protect sessions from retention."""
        self.change([("INSERT OR IGNORE INTO stars VALUES (?)", (session,)) for session in sessions])

    def unstar(self, sessions: Iterable[str]) -> None:
        """Remove the protection of sessions from retention."""
        self.change([("DELETE FROM stars WHERE session_id = ?", (session,)) for session in sessions])

    def annotations(self) -> list[tuple[object, ...]]:
        """Return session, number, star, tags, note and time of every annotation, the latest change first."""
        return self.ask("SELECT * FROM annotations ORDER BY changed_at DESC")

    def annotate(self, session: str, seq: int, starred: bool, tags: str, note: str, changed_at: float) -> None:
        """Set the annotation of a session (number 0) or a call; an empty one is removed."""
        statements: list[tuple[str, tuple[object, ...]]] = [(_UNWRITE, (session, seq))]
        if starred or tags or note:
            statements.append((_WRITE, (session, seq, starred, tags, note, changed_at)))
        self.change(statements)

    def marks(self) -> dict[str, int]:
        """Return the highest sequence numbers of removed sessions, by `mark_key`."""
        return dict(self.ask("SELECT session, seq FROM marks"))  # type: ignore[arg-type]

    def raise_marks(self, sessions: Mapping[str, int]) -> None:
        """Store the highest sequence numbers of sessions, before a segment with them is removed; marks never
        decrease.
        """
        self.change([(RAISE_MARK, (mark_key(session), seq)) for session, seq in sessions.items() if seq])

    def uncounted(self) -> list[str]:
        """Return the names of the answers whose usage has not been told yet, oldest first."""
        return [str(answer) for (answer,) in self.ask("SELECT answer FROM uncounted ORDER BY number")]

    def add_uncounted(self, answers: Iterable[str]) -> None:
        """Add names of answers whose usage was not told; the oldest are dropped beyond `MOST_UNCOUNTED`."""
        add = "INSERT OR IGNORE INTO uncounted (answer) VALUES (?)"
        self.change([*((add, (answer,)) for answer in answers), (_TRIM_UNCOUNTED, (MOST_UNCOUNTED,))])

    def remove_uncounted(self, answer: str) -> None:
        """Remove the name of an answer whose usage is counted now."""
        self.change([("DELETE FROM uncounted WHERE answer = ?", (answer,))])

    def ask_for(self, request: bytes) -> int:
        """Add a job for the service.

        :return: its number.
        """
        sql = "INSERT INTO jobs (request) VALUES (?)"
        return self._run(lambda connection: int(connection.execute(sql, (request,)).lastrowid or 0))

    def take_jobs(self) -> list[tuple[int, bytes]]:
        """Take the pending jobs, oldest first."""
        # Check first, because the service polls, and taking writes to the disk.
        if not self.ask("SELECT 1 FROM jobs WHERE state = 'asked' LIMIT 1"):
            return []
        rows = self._run(lambda connection: connection.execute(_TAKE).fetchall())
        return sorted((job, bytes(request)) for job, request in rows)

    def answer(self, job: int, reply: bytes, done: bool) -> None:
        """Set the reply of a job; the request of a finished one is erased."""
        self.change([(_DONE if done else "UPDATE jobs SET reply = ? WHERE job = ?", (reply, job))])

    def wipe(self, job: int) -> None:
        """Erase the request of a job, which may name what should be forgotten."""
        self.change([("UPDATE jobs SET request = x'' WHERE job = ?", (job,))])

    def job(self, job: int) -> tuple[str, bytes] | None:
        """Return a job's status (``asked``, ``taken``, ``done``) and its latest reply, null if it does not exist."""
        found = self.ask("SELECT state, reply FROM jobs WHERE job = ?", (job,))
        return (str(found[0][0]), bytes(found[0][1] or b"")) if found else None  # type: ignore[call-overload]

    def withdraw(self, job: int, only: str = "") -> bool:
        """Delete a job.

        :param only: the status it must have, empty for any.
        :return: whether it was deleted.
        """
        sql = "DELETE FROM jobs WHERE job = ?1 AND ?2 IN ('', state)"
        return self.change([(sql, (job, only))]) > 0

    def begin_jobs(self) -> None:
        """Make jobs that an earlier service had taken but not finished pending again; delete finished ones."""
        self.change(
            [("DELETE FROM jobs WHERE state = 'done'", ()), ("UPDATE jobs SET state = 'asked', reply = NULL", ())]
        )

    def forget(self, session_id: str) -> None:
        """Erase everything about a session, and schedule its deletion at every target."""
        self.change(
            [
                ("DELETE FROM stars WHERE session_id = ?", (session_id,)),
                ("DELETE FROM annotations WHERE session_id = ?", (session_id,)),
                # Every target that was ever shipped to, including unused ones: they still have the records.
                ("INSERT OR IGNORE INTO deletions SELECT target, ? FROM positions", (session_id,)),
            ]
        )

    def deletions(self, target: str | None = None) -> list[tuple[str, str]]:
        """Return targets and the sessions that they still have to delete.

        :param target: only this one.
        """
        sql = "SELECT target, session_id FROM deletions WHERE ?1 IS NULL OR target = ?1"
        return [(str(each), str(session)) for each, session in self.ask(sql, (target,))]

    def deleted(self, target: str, session_id: str) -> None:
        """Note that a target has deleted a session."""
        self.change([("DELETE FROM deletions WHERE target = ? AND session_id = ?", (target, session_id))])

    def erase(self) -> None:
        """Empty the WAL, so that nothing deleted is left in any file.

        :raises StateError: if another reader prevents this for too long.
        """
        sql = "PRAGMA wal_checkpoint(TRUNCATE)"
        if self._run(lambda connection: connection.execute(sql).fetchone())[0]:
            raise StateError(f"{self.path} is being read by another program; it is emptied when that ends.")

    def ask(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """Return the rows of a query; for modules with their own tables in this file."""
        return self._run(lambda connection: connection.execute(sql, values).fetchall())

    def change(self, statements: list[tuple[str, tuple[object, ...]]]) -> int:
        """Run statements in one transaction, atomic across processes.

        :return: how many rows they changed.
        """

        def change(connection: sqlite3.Connection) -> int:
            return sum(connection.execute(sql, values).rowcount for sql, values in statements)

        return self._run(lambda connection: transaction(connection, change))

    def _run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Use the file, and convert errors to a sentence."""
        with self._lock:
            return self._using(work)

    def _using(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            if self._open is None:
                self._open = open_state(self.path)
        except OSError as reason:
            raise StateError(f"The state in {self.path} cannot be used: {reason.strerror or reason}.") from None
        except sqlite3.Error as reason:
            raise self._unusable(reason) from None
        try:
            return work(self._open)
        except sqlite3.Error as reason:
            # Opened anew next time: what this connection knows of a file on a sick disk may be wrong from now on.
            if _name(reason) not in _BUSY:
                connection, self._open = self._open, None
                connection.close()
            raise self._unusable(reason) from None

    def _unusable(self, reason: sqlite3.Error) -> StateError:
        try:
            damaged = _name(reason) in DAMAGED and is_damaged(self.path)
        except (OSError, sqlite3.Error):
            damaged = False
        cure = "; restore it, or remove it to go on without stars" if damaged else ""
        return StateError(f"The state in {self.path} cannot be used: {reason}{cure}.")


def _name(reason: sqlite3.Error) -> str:
    return str(getattr(reason, "sqlite_errorname", ""))


def mark_key(session_id: str) -> str:
    """Return the hash of a session's id: a session removed at the user's request leaves nothing that names it."""
    return sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]


_BUSY = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED"})
_TAKE = "UPDATE jobs SET state = 'taken' WHERE state = 'asked' RETURNING job, request"
_DONE = "UPDATE jobs SET state = 'done', request = x'', reply = ? WHERE job = ?"
_UNWRITE = "DELETE FROM annotations WHERE session_id = ? AND seq = ?"
_WRITE = "INSERT INTO annotations VALUES (?, ?, ?, ?, ?, ?)"
_TRIM_UNCOUNTED = "DELETE FROM uncounted WHERE number <= (SELECT max(number) FROM uncounted) - ?"
