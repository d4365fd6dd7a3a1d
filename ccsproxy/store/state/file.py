"""The file of the durable state: how it is opened, created from earlier versions' files, and migrated."""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ccsproxy.errors import DataDirError
from ccsproxy.store.state.migration import earlier_state, remove_earlier
from ccsproxy.store.state.schema import VERSION, statements

#: Seconds that a process waits for another one's change.
_BUSY_S = 10.0
_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA secure_delete = ON",
    "PRAGMA wal_autocheckpoint = 100",
    "PRAGMA journal_size_limit = 0",
)
#: SQLite's names for a file whose content is broken, or seems to be.
DAMAGED = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})
RAISE_MARK = "INSERT INTO marks VALUES (?, ?) ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)"

_T = TypeVar("_T")


class StateError(DataDirError):
    """The state cannot be read or changed; the message is one sentence for the user."""


def open_state(path: Path) -> sqlite3.Connection:
    """Open the file, or create it, private from the start, from the files of earlier versions."""
    # SQLite would create it with the umask's mode; a link in its place is not followed.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600))
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=_BUSY_S,
    )
    try:
        _use_wal(connection)
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        if _version(connection) != VERSION:
            transaction(connection, lambda connection: _bring_up(connection, path))
            # After the transaction: its data is on disk before the source is removed.
            remove_earlier(path.parent)
        # An invalid file fails only when it is read: do that here, where the error message is made.
        connection.execute("SELECT 1 FROM stars LIMIT 1").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL mode; while others do the same SQLite reports "locked" at once, so this waits and retries."""
    deadline = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as reason:
            # A disk that fails is no other process: waiting would only hold up whoever asks.
            if "locked" not in str(reason) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _bring_up(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)
    if version > VERSION:
        raise StateError(f"The state in {path} was made by a newer ccsproxy; use that one.")
    if version == VERSION:  # another process was faster
        return
    for statement in statements(version):
        connection.execute(statement)
    if not version:  # files that reappear later are not read again
        earlier = earlier_state(path.parent)
        connection.executemany("INSERT OR IGNORE INTO stars VALUES (?)", [(session,) for session in earlier.stars])
        connection.executemany(RAISE_MARK, earlier.marks.items())
    connection.execute(f"PRAGMA user_version = {VERSION}")


def transaction(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], _T]) -> _T:
    """Run something in one transaction; other processes wait until it is done."""
    # A write transaction from the start: one that started by reading would fail if another process writes first.
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


def is_damaged(path: Path) -> bool:
    """Tell whether the file's own content is broken. SQLite says so of a file, too, that cannot be read just now.

    :raises OSError: if it cannot be read.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        while os.read(fd, 1 << 20):
            pass
    finally:
        os.close(fd)
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)
    try:
        return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok")
    except sqlite3.DatabaseError as reason:
        return str(getattr(reason, "sqlite_errorname", "")) in DAMAGED
    finally:
        connection.close()


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
