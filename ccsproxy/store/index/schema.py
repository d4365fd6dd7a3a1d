"""The index's file: its tables, how it is opened, and how one that is not usable is set aside."""

import os
import sqlite3
from pathlib import Path

from ccsproxy.store.index.call_facts import TABLES
from ccsproxy.store.index.record_texts import KINDS
from ccsproxy.store.summary import Summary

#: Counts up with every change of the tables; an index of another version is rebuilt, never migrated.
VERSION = 5
NAME = "index.sqlite3"

#: The columns of ``requests`` that are a `Summary`, in its order; the rest say where the record is.
COLUMNS = Summary.__struct_fields__
#: The sums that sessions and statistics keep; null as long as no summand was known.
SUMS = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "reasoning_tokens",
    "cost",
)

_SUM_COLUMNS = ", ".join(SUMS)
_KINDS = ", ".join(KINDS)

SCHEMA = f"""
CREATE TABLE segments (
    segment INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, done INTEGER NOT NULL DEFAULT 0,
    closed INTEGER NOT NULL DEFAULT 0, damaged INTEGER NOT NULL DEFAULT 0);
CREATE TABLE requests (
    key INTEGER PRIMARY KEY, segment INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
    {", ".join(COLUMNS)});
CREATE INDEX requests_by_session ON requests (session_id);
CREATE INDEX requests_by_seq ON requests (session_id, seq);
CREATE INDEX requests_by_segment ON requests (segment, offset);
CREATE INDEX requests_by_upstream ON requests (upstream);
CREATE INDEX requests_by_model ON requests (model);
CREATE INDEX requests_by_cwd ON requests (cwd);
CREATE INDEX requests_by_client ON requests (client);
CREATE INDEX requests_by_dialect ON requests (dialect);
CREATE INDEX requests_by_category ON requests (category);
CREATE INDEX requests_by_outcome ON requests (outcome);
CREATE INDEX requests_by_status ON requests (status);
CREATE TABLE tools (name TEXT NOT NULL, key INTEGER NOT NULL, PRIMARY KEY (name, key)) WITHOUT ROWID;
CREATE TABLE sessions (
    number INTEGER PRIMARY KEY, session_id TEXT NOT NULL UNIQUE,
    started_key INTEGER NOT NULL, last_key INTEGER NOT NULL, started_at TEXT NOT NULL, ended_at TEXT,
    upstream TEXT, dialect TEXT, cwd TEXT, client TEXT, client_version TEXT,
    title TEXT, title_rank INTEGER NOT NULL DEFAULT 0, title_key INTEGER,
    request_count INTEGER NOT NULL DEFAULT 0, in_flight INTEGER NOT NULL DEFAULT 0,
    errors INTEGER NOT NULL DEFAULT 0, unpriced INTEGER NOT NULL DEFAULT 0, unpriced_models TEXT NOT NULL DEFAULT '',
    {_SUM_COLUMNS});
CREATE INDEX sessions_by_start ON sessions (started_key);
CREATE TABLE facets (
    scope TEXT NOT NULL, field TEXT NOT NULL, value NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (scope, field, value)) WITHOUT ROWID;
CREATE TABLE tallies (
    span TEXT NOT NULL, start INTEGER NOT NULL, upstream TEXT NOT NULL, model TEXT NOT NULL,
    requests INTEGER NOT NULL DEFAULT 0, errors INTEGER NOT NULL DEFAULT 0, unpriced INTEGER NOT NULL DEFAULT 0,
    {_SUM_COLUMNS}, PRIMARY KEY (span, start, upstream, model)) WITHOUT ROWID;
CREATE TABLE spreads (
    span TEXT NOT NULL, start INTEGER NOT NULL, upstream TEXT NOT NULL, model TEXT NOT NULL, what TEXT NOT NULL,
    bin NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (span, start, upstream, model, what, bin)) WITHOUT ROWID;
CREATE TABLE seen (
    session INTEGER NOT NULL, hash INTEGER NOT NULL, key INTEGER NOT NULL, PRIMARY KEY (session, hash)) WITHOUT ROWID;
CREATE VIRTUAL TABLE passages USING fts5 ({_KINDS}, columnsize = 0,
    tokenize = 'unicode61 remove_diacritics 2');
INSERT INTO passages (passages, rank) VALUES ('automerge', 16);
INSERT INTO passages (passages, rank) VALUES ('crisismerge', 32);
INSERT INTO passages (passages, rank) VALUES ('pgsz', 8000);
INSERT INTO passages (passages, rank) VALUES ('hashsize', 16777216);
{TABLES}
PRAGMA user_version = {VERSION};
"""  # noqa: S608

#: What is asked of a connection that writes.
_WRITING = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA busy_timeout = 5000",
    "PRAGMA journal_size_limit = 33554432",
    "PRAGMA cache_size = -2048",
    "PRAGMA wal_autocheckpoint = 4000",
    "PRAGMA secure_delete = FAST",
    "PRAGMA temp_store = MEMORY",
)


class IndexUnusable(Exception):
    """There is no index to use: it is missing, of another version or damaged."""


def open_for_writing(data_dir: Path) -> tuple[sqlite3.Connection, bool]:
    """Open the index, or an empty one where there is none that can be used; that one is set aside.

    :return: the connection, and whether the index is new.
    """
    path = data_dir / NAME
    try:
        return _writable(path), False
    except (IndexUnusable, sqlite3.DatabaseError):
        set_aside(data_dir)
        _create(path)
        return _writable(path), True


def open_for_reading(data_dir: Path, busy_s: float = 2.0) -> sqlite3.Connection:
    """Open the index for reading only; whoever writes it is not needed and not waited for.

    :param busy_s: how long a lock may be waited for, in seconds.
    :raises IndexUnusable: when there is none, or one of another version.
    """
    path = data_dir / NAME
    if not path.is_file():
        raise IndexUnusable(f"there is no index at {path}")
    try:
        connection = sqlite3.connect(_uri(path, "rw"), uri=True, timeout=busy_s, check_same_thread=False)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA cache_size = -16384")
        _check_version(connection)
    except sqlite3.Error as reason:
        raise IndexUnusable(f"the index cannot be read: {reason}") from reason
    return connection


def set_aside(data_dir: Path) -> list[Path]:
    """Rename an index that cannot be used, so that a new one can take its place; one such copy is kept.

    :return: what the files are called now.
    """
    moved = []
    for suffix in ("", "-wal", "-shm"):
        path = data_dir / (NAME + suffix)
        aside = data_dir / (NAME + ".unusable" + suffix)
        aside.unlink(missing_ok=True)
        if path.exists():
            os.replace(path, aside)
            moved.append(aside)
    return moved


def index_bytes(data_dir: Path) -> int:
    """Return the bytes that the index takes on the disk, with everything beside it."""
    total = 0
    for path in data_dir.glob(NAME + "*"):
        try:
            total += path.lstat().st_size
        except OSError:
            pass  # gone by now
    return total


def drop_unusable(data_dir: Path) -> None:
    """Remove the copy of an index that was set aside."""
    for suffix in ("", "-wal", "-shm"):
        (data_dir / (NAME + ".unusable" + suffix)).unlink(missing_ok=True)


def damaged(reason: sqlite3.Error) -> bool:
    """Tell whether an error means that the index itself is broken, not that it is busy or the disk full."""
    name = str(getattr(reason, "sqlite_errorname", ""))
    return name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_SHORT_READ")) or (
        isinstance(reason, sqlite3.OperationalError) and "no such table" in str(reason)
    )


def _create(path: Path) -> None:
    """Write an empty index, private from its creation."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA page_size = 8192")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(f"BEGIN; {SCHEMA} COMMIT;")
    connection.close()


def _writable(path: Path) -> sqlite3.Connection:
    """Open an index that is there, and see that it can be used."""
    if not path.is_file():
        raise IndexUnusable(f"there is no index at {path}")
    connection = sqlite3.connect(_uri(path, "rw"), uri=True, isolation_level=None, check_same_thread=False)
    try:
        for pragma in _WRITING:
            connection.execute(pragma)
        _check_version(connection)
        connection.execute("SELECT count(*) FROM segments").fetchone()
    except (IndexUnusable, sqlite3.Error):
        connection.close()
        raise
    return connection


def _check_version(connection: sqlite3.Connection) -> None:
    """Refuse an index that another version of the program made."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != VERSION:
        raise IndexUnusable(f"the index has version {version}, not {VERSION}")


def _uri(path: Path, mode: str) -> str:
    """Name a file for SQLite, whatever characters are in its path."""
    return f"{path.absolute().as_uri()}?mode={mode}"
