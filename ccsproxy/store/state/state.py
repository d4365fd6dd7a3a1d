"""The durable state of a data directory, in one small SQLite file: what its segments do not contain.

Stars and notes, how far the numbers of removed sessions went, jobs for the service, how far each target was shipped.
Every change is one transaction that no other process can fall into, so that two commands at once lose nothing; every
deletion is wiped out of the file. Unlike the index it may not be deleted: a damaged one is an error that says so, and
until it is mended nothing is removed from the store.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from ccsproxy.store.state.file import RAISE_MARK, StateError, open_state, transaction

NAME = "state.sqlite3"


_T = TypeVar("_T")


class State:
    """The durable state. May be used from several threads and processes at once.

    Invariant: what a method has returned from is on the disk (`synchronous` is FULL), and nothing that was deleted
    is left in the file's pages; `erase` empties the WAL too. The file is opened at the first use; every method but
    `close` raises `StateError` when it cannot be opened, is damaged, or was made by a newer version.
    """

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / NAME
        self._lock = threading.Lock()
        self._open: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file; the last to do so folds the WAL into it. Using it again opens what is there then."""
        with self._lock:
            connection, self._open = self._open, None
            if connection is not None:
                connection.close()

    def stars(self) -> frozenset[str]:
        """Return the sessions that retention must keep."""
        return frozenset(str(session) for (session,) in self.ask("SELECT session_id FROM stars"))

    def with_stars(self, work: Callable[[frozenset[str]], None]) -> None:
        """Do something with the stars that there are, and let nobody change them before it is done.

        :param work: removes what is not starred; it may not use the state.
        """

        def run(connection: sqlite3.Connection) -> None:
            work(frozenset(session for (session,) in connection.execute("SELECT session_id FROM stars")))

        with self._lock:
            self._open = self._using(lambda: self._open or open_state(self.path))
            transaction(self._open, run)

    def star(self, sessions: Iterable[str]) -> None:
        """Keep sessions whatever retention says."""
        self.change([("INSERT OR IGNORE INTO stars VALUES (?)", (session,)) for session in sessions])

    def unstar(self, sessions: Iterable[str]) -> None:
        """Leave sessions to retention again."""
        self.change([("DELETE FROM stars WHERE session_id = ?", (session,)) for session in sessions])

    def annotations(self) -> list[tuple[object, ...]]:
        """Return session, number, star, tags, note and time of every annotation, what was changed last first."""
        return self.ask("SELECT * FROM annotations ORDER BY changed_at DESC")

    def annotate(self, session: str, seq: int, starred: bool, tags: str, note: str, changed_at: float) -> None:
        """Write on a session (number 0) or a call; nothing written removes what was there."""
        statements: list[tuple[str, tuple[object, ...]]] = [(_UNWRITE, (session, seq))]
        if starred or tags or note:
            statements.append((_WRITE, (session, seq, starred, tags, note, changed_at)))
        self.change(statements)

    def marks(self) -> dict[str, int]:
        """Return how far the numbers of removed sessions went, by `mark_key`."""
        return dict(self.ask("SELECT session, seq FROM marks"))  # type: ignore[arg-type]

    def raise_marks(self, sessions: Mapping[str, int]) -> None:
        """Remember how far sessions came, before a segment with them is removed; marks never go down."""
        self.change([(RAISE_MARK, (mark_key(session), seq)) for session, seq in sessions.items() if seq])

    def ask_for(self, request: bytes) -> int:
        """Put down a job for the service.

        :return: its number.
        """
        sql = "INSERT INTO jobs (request) VALUES (?)"
        return self._told(lambda connection: int(connection.execute(sql, (request,)).lastrowid or 0))

    def take_jobs(self) -> list[tuple[int, bytes]]:
        """Take the jobs that nobody has taken yet, the oldest first."""
        # Asked first, as the service looks again and again, and taking writes to the disk.
        if not self.ask("SELECT 1 FROM jobs WHERE state = 'asked' LIMIT 1"):
            return []
        rows = self._told(lambda connection: connection.execute(_TAKE).fetchall())
        return sorted((job, bytes(request)) for job, request in rows)

    def answer(self, job: int, reply: bytes, done: bool) -> None:
        """Say how a job stands; of one that is done, the request is wiped out."""
        self.change([(_DONE if done else "UPDATE jobs SET reply = ? WHERE job = ?", (reply, job))])

    def wipe(self, job: int) -> None:
        """Wipe out what a job asks for, which may name what is to be forgotten."""
        self.change([("UPDATE jobs SET request = x'' WHERE job = ?", (job,))])

    def job(self, job: int) -> tuple[str, bytes] | None:
        """Return how a job stands (``asked``, ``taken``, ``done``) and its latest reply, null when there is none."""
        found = self.ask("SELECT state, reply FROM jobs WHERE job = ?", (job,))
        return (str(found[0][0]), bytes(found[0][1] or b"")) if found else None  # type: ignore[call-overload]

    def withdraw(self, job: int, only: str = "") -> bool:
        """Forget a job.

        :param only: the state it must be in, empty for any.
        :return: whether it was forgotten.
        """
        sql = "DELETE FROM jobs WHERE job = ?1 AND ?2 IN ('', state)"
        return self.change([(sql, (job, only))]) > 0

    def begin_jobs(self) -> None:
        """Let a service that starts find what an earlier one had taken and not done; forget what is answered."""
        self.change(
            [("DELETE FROM jobs WHERE state = 'done'", ()), ("UPDATE jobs SET state = 'asked', reply = NULL", ())]
        )

    def forget(self, session_id: str) -> None:
        """Wipe out what the state says of a session, and ask every target to delete it."""
        self.change(
            [
                ("DELETE FROM stars WHERE session_id = ?", (session_id,)),
                ("DELETE FROM annotations WHERE session_id = ?", (session_id,)),
                # Every target that was ever shipped to, the resting ones as well: they have the records still.
                ("INSERT OR IGNORE INTO deletions SELECT target, ? FROM positions", (session_id,)),
            ]
        )

    def deletions(self, target: str | None = None) -> list[tuple[str, str]]:
        """Return targets and the sessions that they still have to delete.

        :param target: only this one's.
        """
        sql = "SELECT target, session_id FROM deletions WHERE ?1 IS NULL OR target = ?1"
        return [(str(each), str(session)) for each, session in self.ask(sql, (target,))]

    def deleted(self, target: str, session_id: str) -> None:
        """Note that a target has deleted a session."""
        self.change([("DELETE FROM deletions WHERE target = ? AND session_id = ?", (target, session_id))])

    def erase(self) -> None:
        """Empty the WAL, so that nothing of what was deleted is left in any file.

        :raises StateError: when somebody reads it for so long that this is not possible.
        """
        sql = "PRAGMA wal_checkpoint(TRUNCATE)"
        if self._told(lambda connection: connection.execute(sql).fetchone())[0]:
            raise StateError(f"{self.path} is being read by another program; it is emptied when that ends.")

    def ask(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """Return the rows that a question finds; for modules that keep tables of their own in this file."""
        return self._told(lambda connection: connection.execute(sql, values).fetchall())

    def change(self, statements: list[tuple[str, tuple[object, ...]]]) -> int:
        """Run statements in one transaction that no other process can fall into.

        :return: how many rows they changed.
        """

        def change(connection: sqlite3.Connection) -> int:
            return sum(connection.execute(sql, values).rowcount for sql, values in statements)

        return self._told(lambda connection: transaction(connection, change))

    def _told(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do something with the file, and say in a sentence why it could not be done."""
        with self._lock:
            self._open = connection = self._using(lambda: self._open or open_state(self.path))
            return self._using(lambda: work(connection))

    def _using(self, work: Callable[[], _T]) -> _T:
        try:
            return work()
        except sqlite3.Error as reason:
            name = str(getattr(reason, "sqlite_errorname", ""))
            cure = "; restore it, or remove it to go on without stars" if name in _DAMAGED else ""
            raise StateError(f"The state in {self.path} cannot be used: {reason}{cure}.") from None
        except OSError as reason:
            raise StateError(f"The state in {self.path} cannot be used: {reason.strerror or reason}.") from None


def mark_key(session_id: str) -> str:
    """Name a session by a hash: one that was removed at the user's wish leaves nothing that names it."""
    return sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]


_TAKE = "UPDATE jobs SET state = 'taken' WHERE state = 'asked' RETURNING job, request"
_DONE = "UPDATE jobs SET state = 'done', request = x'', reply = ? WHERE job = ?"
_UNWRITE = "DELETE FROM annotations WHERE session_id = ? AND seq = ?"
_WRITE = "INSERT INTO annotations VALUES (?, ?, ?, ?, ?, ?)"
_DAMAGED = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})
