"""SQLite's calls to the system, of which the n-th fails: a disk that is full or sick below a real database.

SQLite's VFS offers the functions by which it calls the system for replacement, for just this purpose
(``sqlite3_vfs.xSetSystemCall``, https://sqlite.org/c3ref/vfs.html). Where Python's SQLite is linked statically it
cannot be reached, and `why_not` says so.
"""

import ctypes
import ctypes.util
import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_Pointer = Callable[..., Any]
#: Arguments of the calls that are replaced.
_TYPES: dict[str, Any] = {
    "open": ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_int, use_errno=True),
    "ftruncate": ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int64, use_errno=True),
    "fallocate": ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64, use_errno=True),
    "unlink": ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, use_errno=True),
    **{
        name: ctypes.CFUNCTYPE(
            ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64, use_errno=True
        )
        for name in ("pread", "pread64", "pwrite", "pwrite64")
    },
    **{
        name: ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, use_errno=True)
        for name in ("read", "write")
    },
}
READS = ("read", "pread", "pread64")
WRITES = ("write", "pwrite", "pwrite64", "ftruncate", "fallocate")
#: The errno of each kind of trouble, with the calls that it comes from.
TROUBLES = (
    (errno.ENOSPC, WRITES),
    (errno.EDQUOT, WRITES),
    (errno.EIO, WRITES),
    (errno.EIO, READS),
    (errno.EROFS, (*WRITES, "unlink")),
    (errno.EMFILE, ("open",)),
)


class _Vfs(ctypes.Structure):
    """The head of ``sqlite3_vfs``, as far as the two members that are used."""

    _fields_ = [
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("longest_name", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        *((f"method_{n}", ctypes.c_void_p) for n in range(13)),
        ("set_system_call", ctypes.c_void_p),
        ("get_system_call", ctypes.c_void_p),
        ("next_system_call", ctypes.c_void_p),
    ]


class SqliteFaults:
    """Replaces calls of SQLite, and lets some of them fail.

    :ivar seen: how many of the chosen calls there were.
    :ivar failed: how many of them failed.
    """

    def __init__(self) -> None:
        self.seen = self.failed = 0
        self._lock = threading.Lock()
        self._calls: tuple[str, ...] = ()
        self._first = self._last = 0
        self._code = 0
        self._kept: list[Any] = []
        library: Any = ctypes.CDLL(ctypes.util.find_library("sqlite3"))
        library.sqlite3_vfs_find.restype = ctypes.c_void_p
        self._at = library.sqlite3_vfs_find(None)
        vfs = _Vfs.from_address(self._at)
        self._get: Any = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(vfs.get_system_call)
        self._set: Any = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
            vfs.set_system_call
        )

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Replace the calls for a while."""
        for name, kind in _TYPES.items():
            real = self._get(self._at, name.encode())
            if real:
                replaced = kind(self._instead(name, kind(real)))
                self._kept.append(replaced)
                self._set(self._at, name.encode(), ctypes.cast(replaced, ctypes.c_void_p))
        try:
            yield
        finally:
            self.heal()
            for name in _TYPES:
                self._set(self._at, name.encode(), None)  # which gives back the original

    def fail(self, calls: tuple[str, ...], first: int, code: int, times: int = 1) -> None:
        """Let calls fail from the n-th on, so many of them, -1 for all until `heal`."""
        with self._lock:
            self.seen = self.failed = 0
            self._calls, self._first, self._code = calls, first, code
            self._last = first + times if times >= 0 else 1 << 60

    def heal(self) -> None:
        """Let everything work again."""
        self._calls = ()

    def _instead(self, name: str, real: _Pointer) -> _Pointer:
        def call(*arguments: Any) -> Any:
            with self._lock:
                if name in self._calls:
                    self.seen += 1
                    if self._first <= self.seen < self._last:
                        self.failed += 1
                        ctypes.set_errno(self._code)
                        return -1 if name != "fallocate" else self._code
            return real(*arguments)

        return call


def why_not() -> str:
    """Say why nothing can fail like this here; empty when it can."""
    import sqlite3

    try:
        faults = SqliteFaults()
    except (OSError, AttributeError, TypeError) as reason:
        return f"SQLite cannot be reached: {reason}"
    with faults.installed():
        faults.fail(("open",), 1, errno.EMFILE)
        try:
            sqlite3.connect(os.devnull).execute("PRAGMA schema_version")
        except sqlite3.Error:
            pass
    return "" if faults.failed else "Python has an SQLite of its own"
