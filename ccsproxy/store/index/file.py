"""The index file: opening it, rebuilding it next to one of another version, and abandoning it."""

import os
import sqlite3
from pathlib import Path

from ccsproxy.store.index.schema import NAME, SCHEMA, VERSION

#: The name of a new index while one of another version has the usual name.
BESIDE = NAME + ".new"
_WITH_IT = ("", "-wal", "-shm")

#: Settings of the writing connection. The WAL stays small: it is checkpointed after some megabytes.
_WRITING = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA busy_timeout = 5000",
    "PRAGMA journal_size_limit = 1048576",
    "PRAGMA cache_size = -4096",
    "PRAGMA wal_autocheckpoint = 512",
    "PRAGMA secure_delete = FAST",
    "PRAGMA temp_store = MEMORY",
)


class IndexUnusable(Exception):
    """There is no usable index: it is missing, of another version or damaged."""


class IndexMoved(Exception):
    """The index took the place of the one before it; it is to be opened again."""


class IndexFile:
    """The file of the index, as its one writer uses it.

    An index of another version keeps its name while a new one is built next to it, and is removed when that has
    caught up. A damaged one is removed at once, because everything in it is in the segments.

    :ivar path: the file that is open.
    :ivar building: whether the index has not caught up with the segments since it was created.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._main, self._beside = data_dir / NAME, data_dir / BESIDE
        self.path = self._main
        self.building = True
        self._inode = 0

    def open(self) -> sqlite3.Connection:
        """Open the index, or create an empty one if there is no usable one.

        :raises sqlite3.Error: if it cannot be written; ``OSError`` likewise.
        """
        self.path = self._choose()
        try:
            self._connection = _writable(self.path)
        except (IndexUnusable, sqlite3.DatabaseError) as reason:
            if isinstance(reason, sqlite3.Error) and not damaged(reason):
                raise
            remove_index(self.path)
            _create(self.path)
            self._connection = _writable(self.path)
        self.building = not has_caught_up(self._connection)
        self._inode = self.path.stat().st_ino
        return self._connection

    def replaced(self) -> bool:
        """Return whether the file was deleted or replaced while it was open."""
        try:
            return self.path.stat().st_ino != self._inode
        except OSError:
            return True

    def settle(self) -> bool:
        """Take the place of the index before this one, which has caught up.

        :return: whether the file was renamed and is closed now.
        """
        self.building = False
        if self.path == self._main:
            return False
        if self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            self.building = True  # a reader has it open; the next round tries again
            return False
        self._connection.close()
        remove_index(self._main)
        for suffix in _WITH_IT[1:]:
            (self._data_dir / (BESIDE + suffix)).unlink(missing_ok=True)
        os.replace(self._beside, self._main)
        return True

    def remove_others(self) -> None:
        """Remove every other index of the data dir: of another version, or set aside by earlier versions."""
        own = {self.path.name + suffix for suffix in _WITH_IT}
        for path in self._data_dir.glob(NAME + "*"):
            if path.name not in own:
                path.unlink(missing_ok=True)

    def _choose(self) -> Path:
        for suffix in _WITH_IT:
            (self._data_dir / (NAME + ".unusable" + suffix)).unlink(missing_ok=True)
        if not self._main.exists():
            return self._beside if self._beside.exists() else self._main
        try:
            _writable(self._main).close()
        except IndexUnusable:
            return self._beside
        except sqlite3.Error:
            pass
        return self._main


def open_for_reading(data_dir: Path, busy_s: float = 2.0) -> sqlite3.Connection:
    """Open the index for reading only; this requires no writer, and waits for none.

    :param busy_s: maximum wait for a lock in seconds.
    :raises IndexUnusable: if there is no usable one; one that is being built next to one of another version is
        usable.
    :raises sqlite3.Error: if there is one that cannot be read now.
    """
    try:
        return _readable(data_dir / NAME, busy_s)
    except IndexUnusable:
        if not (data_dir / BESIDE).is_file():
            raise
        return _readable(data_dir / BESIDE, busy_s)


def identity(data_dir: Path) -> tuple[int, ...]:
    """Return numbers that change when another file is to be opened for reading."""
    found = []
    for path in (data_dir / NAME, data_dir / BESIDE):
        try:
            found.append(path.stat().st_ino)
        except OSError:
            found.append(0)
    return tuple(found)


def remove_index(path: Path) -> None:
    """Remove an index; its space is free at once, also while others have it open."""
    for suffix in _WITH_IT:
        each = path.with_name(path.name + suffix)
        try:
            if suffix != "-shm":  # which is mapped into the memory of its readers
                os.truncate(each, 0)
            each.unlink()
        except FileNotFoundError:
            pass


def remove_all(data_dir: Path) -> None:
    """Remove the index and all its files."""
    for path in (data_dir / NAME, data_dir / BESIDE):
        remove_index(path)


def index_bytes(data_dir: Path) -> int:
    """Return the size of the index on disk, with all its files."""
    total = 0
    for path in data_dir.glob(NAME + "*"):
        try:
            total += path.lstat().st_size
        except OSError:
            pass  # removed meanwhile
    return total


def has_caught_up(connection: sqlite3.Connection) -> bool:
    """Tell whether an index has had everything that was in the segments since it was made."""
    return connection.execute(_CAUGHT_UP).fetchone() is not None


def damaged(reason: sqlite3.Error) -> bool:
    """Return whether an error means that the index itself is damaged, not that it is busy or the disk full."""
    name = str(getattr(reason, "sqlite_errorname", ""))
    return name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_SHORT_READ")) or (
        isinstance(reason, sqlite3.OperationalError) and "no such table" in str(reason)
    )


def _create(path: Path) -> None:
    """Write an empty index, private from its creation."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA page_size = 4096")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(f"BEGIN; {SCHEMA} COMMIT;")
    connection.close()


def _writable(path: Path) -> sqlite3.Connection:
    """Open an index that is there, and see that it can be used."""
    if not path.is_file():
        raise IndexUnusable(f"there is no index at {path}")
    connection = sqlite3.connect(_uri(path), uri=True, isolation_level=None, check_same_thread=False)
    try:
        _check_version(connection)
        for pragma in _WRITING:
            connection.execute(pragma)
        connection.execute("SELECT count(*) FROM segments").fetchone()
    except (IndexUnusable, sqlite3.Error):
        connection.close()
        raise
    return connection


def _readable(path: Path, busy_s: float) -> sqlite3.Connection:
    if not path.is_file():
        raise IndexUnusable(f"there is no index at {path}")
    connection = sqlite3.connect(_uri(path), uri=True, timeout=busy_s, check_same_thread=False)
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA cache_size = -16384")
        _check_version(connection)
    except (IndexUnusable, sqlite3.Error) as reason:
        connection.close()
        if isinstance(reason, sqlite3.Error) and damaged(reason):
            raise IndexUnusable(f"the index cannot be read: {reason}") from reason
        raise
    return connection


def _check_version(connection: sqlite3.Connection) -> None:
    """Refuse an index that another version of the program made."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != VERSION:
        raise IndexUnusable(f"the index has version {version}, not {VERSION}")


def _uri(path: Path) -> str:
    """Return a file's URI for SQLite, whatever characters are in its path."""
    return f"{path.absolute().as_uri()}?mode=rw"


_CAUGHT_UP = "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = 'requests_by_seq'"
