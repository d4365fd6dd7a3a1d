"""The SQL statements of the index writer, and which errors are due to a single line."""

import sqlite3

from ccsproxy.store.index.schema import COLUMNS

#: Errors caused by the content of a line, not by the disk.
OF_THE_LINE = (
    ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError,
    sqlite3.InterfaceError, sqlite3.DataError, sqlite3.IntegrityError, sqlite3.ProgrammingError,
)  # fmt: skip
NAMES = ", ".join(COLUMNS)
PLACED = ("segment", "offset", "length", *COLUMNS, "key")
#: Two statements, because ``INSERT OR REPLACE`` costs three times as much as either.
INSERT = f"INSERT INTO request_rows ({', '.join(PLACED)}) VALUES ({', '.join('?' * len(PLACED))})"  # noqa: S608
UPDATE = f"UPDATE request_rows SET {', '.join(f'{name} = ?' for name in PLACED[:-1])} WHERE key = ?"  # noqa: S608
OF_SEGMENT = f"SELECT key, {NAMES} FROM request_rows WHERE segment = ?"  # noqa: S608  (column names of our own)
OF_KEY = f"SELECT {NAMES} FROM request_rows WHERE key = ?"  # noqa: S608
MARK = "UPDATE segments SET done = ?, closed = ?, damaged = damaged + ? WHERE segment = ?"
HEIRS = (
    "SELECT min(key) FROM request_rows WHERE session_id = "
    "(SELECT +name FROM names WHERE field = 'session_id' AND value = ?) AND outcome IS NOT NULL GROUP BY agent"
)
