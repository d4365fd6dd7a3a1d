"""Disks that fail, and a disk that remembers what a crash would leave."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attr
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.store.segments.files import Files

OPERATIONS = ("create", "open_append", "write", "truncate", "sync", "rename", "unlink", "sync_directory")


def scratch(case: SynchronousTestCase) -> Path:
    """Make a directory for one test, in memory where the system has such: what is synced often is quick there."""
    memory = Path("/dev/shm")
    path = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
    case.addCleanup(shutil.rmtree, path, ignore_errors=True)
    return path


class FailingDisk(Files):
    """Fails from the n-th matching operation on, for a number of times.

    :param code: the errno, or 0 for writes that take half, and then nothing.
    """

    def __init__(self, operations: tuple[str, ...], first: int, times: int, code: int) -> None:
        self.left = times
        self.failed = 0
        self._operations = operations
        self._before = first - 1
        self._code = code
        self._full = False

    def _maybe_fail(self, operation: str) -> bool:
        if operation not in self._operations or not self.left:
            return False
        if self._before:
            self._before -= 1
            return False
        self.left -= 1
        self.failed += 1
        if self._code:
            raise OSError(self._code, os.strerror(self._code))
        return True

    def create(self, path: Path) -> int:
        self._maybe_fail("create")
        return super().create(path)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        if self._full:
            self._full = False
            raise OSError(errno.ENOSPC, "full")
        if self._maybe_fail("write"):
            self._full = True
            return os.write(fd, data[: len(data) // 2])
        return super().write(fd, data)

    def truncate(self, fd: int, length: int) -> None:
        self._maybe_fail("truncate")
        super().truncate(fd, length)

    def sync(self, fd: int) -> None:
        self._maybe_fail("sync")
        super().sync(fd)

    def rename(self, source: Path, target: Path) -> None:
        self._maybe_fail("rename")
        super().rename(source, target)

    def unlink(self, path: Path) -> None:
        self._maybe_fail("unlink")
        super().unlink(path)

    def sync_directory(self, path: Path) -> None:
        self._maybe_fail("sync_directory")
        super().sync_directory(path)


class Vanishing(Files):
    """Removes a segment just before or just after the n-th opening of a file, as retention or a person does."""

    def __init__(self, data_dir: Path, name: str, at: int, after: bool) -> None:
        self.left, self._after = at, after
        self._paths = list((data_dir / "segments").glob(f"{name}*"))

    def open_read(self, path: Path) -> int:
        self.left -= 1
        if self.left == 0 and not self._after:
            self._remove()
        fd = super().open_read(path)
        if self.left == 0 and self._after:
            self._remove()
        return fd

    def _remove(self) -> None:
        for path in self._paths:
            path.unlink(missing_ok=True)


class VanishingAtAnyStep(Files):
    """Removes a segment just before the n-th operation of any kind, as somebody else's ``rm`` does."""

    def __init__(self, data_dir: Path, name: str, at: int) -> None:
        self.left = at
        self._vanishing = [data_dir / "segments" / f"{name}.jsonl", data_dir / "segments" / f"{name}.jsonl.zst"]

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        if name.startswith("_") or name in ("left", "close"):
            return found

        def counted(*arguments: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                for path in self._vanishing:
                    path.unlink(missing_ok=True)
            return found(*arguments)

        return counted


@attr.define
class _Inode:
    content: bytearray = attr.field(factory=bytearray)
    durable: bytes = b""

    def after_crash(self, share: float) -> bytes:
        """Return what is left when that share of what was not synced reached the disk."""
        if share == 0:
            return self.durable
        if share == 1 or len(self.content) <= len(self.durable):
            return bytes(self.content)
        return bytes(self.content[: len(self.durable) + int((len(self.content) - len(self.durable)) * share)])


@attr.frozen
class Image:
    """What the disk may hold after a crash behind an operation."""

    operation: str
    mark: int
    content: dict[Path, bytes]

    def restore(self, old: Path, new: Path) -> None:
        """Write the image of one data dir to another."""
        (new / "segments").mkdir(parents=True, mode=0o700)
        new.chmod(0o700)
        for path, data in self.content.items():
            target = new / path.relative_to(old)
            target.write_bytes(data)
            target.chmod(0o600)


class RememberingDisk(Files):
    """The real disk, and beside it the images that a crash could leave after each operation.

    An entry in a directory is durable once the directory was synced, content once the file was. Of what is not
    durable, a crash keeps all, nothing or a part, data and entries independently.

    :ivar mark: set by the test, found again in the images: what was acknowledged by then.
    """

    def __init__(self) -> None:
        self.mark = 0
        self.images: list[Image] = []
        self._inodes: dict[int, _Inode] = {}
        self._entries: dict[Path, _Inode] = {}
        self._durable: dict[Path, _Inode] = {}
        self._pending: list[tuple[Path, _Inode | None]] = []

    def create(self, path: Path) -> int:
        fd = super().create(path)
        self._inodes[fd] = self._entries[path] = _Inode()
        self._link(path, self._entries[path])
        self._remember(f"create {path.name}")
        return fd

    def open_append(self, path: Path) -> int:
        fd = super().open_append(path)
        self._inodes[fd] = self._entries[path]
        return fd

    def close(self, fd: int) -> None:
        self._inodes.pop(fd, None)
        super().close(fd)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        taken = super().write(fd, data)
        self._inodes[fd].content += bytes(data[:taken])
        self._remember("write")
        return taken

    def truncate(self, fd: int, length: int) -> None:
        super().truncate(fd, length)
        del self._inodes[fd].content[length:]
        self._remember("truncate")

    def sync(self, fd: int) -> None:
        super().sync(fd)
        self._inodes[fd].durable = bytes(self._inodes[fd].content)
        self._remember("sync")

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        inode = self._entries.pop(source)
        self._entries[target] = inode
        self._link(target, inode)
        self._link(source, None)
        self._remember(f"rename to {target.name}")

    def unlink(self, path: Path) -> None:
        super().unlink(path)
        self._entries.pop(path, None)
        self._link(path, None)
        self._remember(f"unlink {path.name}")

    def sync_directory(self, path: Path) -> None:
        super().sync_directory(path)
        _apply(self._durable, [change for change in self._pending if change[0].parent == path])
        self._pending = [change for change in self._pending if change[0].parent != path]
        self._remember("sync_directory")

    def _link(self, path: Path, inode: _Inode | None) -> None:
        self._pending.append((path, inode))

    def _remember(self, operation: str) -> None:
        for entries in self._possible_entries():
            for share in (0.0, 0.5, 1.0):
                content = {path: inode.after_crash(share) for path, inode in entries.items()}
                image = Image(operation, self.mark, content)
                if not any(known.content == content and known.mark == self.mark for known in self.images[-24:]):
                    self.images.append(image)

    def _possible_entries(self) -> Iterator[dict[Path, _Inode]]:
        for changes in ([], self._pending, self._pending[:1], self._pending[-1:]):
            entries = dict(self._durable)
            _apply(entries, changes)
            yield entries


def _apply(entries: dict[Path, _Inode], changes: list[tuple[Path, _Inode | None]]) -> None:
    for path, inode in changes:
        if inode is None:
            entries.pop(path, None)
        else:
            entries[path] = inode
