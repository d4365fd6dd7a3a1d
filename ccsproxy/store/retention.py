"""What is kept: whole segments go, oldest first, when they are too old, too many, or the disk is nearly full."""

from collections.abc import Collection, Sequence
from pathlib import Path

import attr

from ccsproxy.store.observer import IndexObserver
from ccsproxy.store.retired import RetiredMarks
from ccsproxy.store.segments.compressed import PackedError
from ccsproxy.store.segments.files import Files
from ccsproxy.store.segments.rewrite import Rewriter
from ccsproxy.store.segments.scan import read_footer
from ccsproxy.store.segments.segment import Footer, compressed_path, plain_path, stamp_seconds
from ccsproxy.store.settings import StoreSettings

_DAY = 86400.0


@attr.frozen
class Kept:
    """A closed segment, as retention sees it.

    :ivar size: bytes on the disk.
    :ivar until: when its last line may have been written, seconds since the epoch.
    """

    name: str
    size: int
    until: float


def expired(segments: Sequence[Kept], settings: StoreSettings, now: float, free: int) -> list[str]:
    """Choose what has to go.

    Free space counts only while removing segments can make enough of it: where other files fill the disk, giving up
    the whole memory would not help.

    :param segments: closed ones, oldest first.
    :param now: seconds since the epoch.
    :param free: bytes that the file system has left.
    :return: names, oldest first.
    """
    total = sum(segment.size for segment in segments)
    wanted_free = settings.min_free if free + total >= settings.min_free else 0
    gone: list[str] = []
    for segment in segments:
        old = settings.retain_days and now - segment.until > settings.retain_days * _DAY
        much = settings.retain_size and total > settings.retain_size
        if not (old or much or free < wanted_free):
            break
        gone.append(segment.name)
        total -= segment.size
        free += segment.size
    return gone


def survey(data_dir: Path, names: Sequence[str], now: float) -> list[Kept]:
    """Learn sizes and ages of segments.

    :param names: all of them, oldest first, the active one too, which is left out of the answer if it is the last.
    """
    found = []
    for at, name in enumerate(names):
        size = sum(_size(path) for path in (plain_path(data_dir, name), compressed_path(data_dir, name)))
        until = stamp_seconds(names[at + 1]) if at + 1 < len(names) else now
        found.append(Kept(name, size, until))
    return found


class Retention:
    """Carries starred records over and removes the rest."""

    def __init__(
        self, files: Files, data_dir: Path, rewriter: Rewriter, retired: RetiredMarks, observer: IndexObserver
    ) -> None:
        self._files = files
        self._data_dir = data_dir
        self._rewriter = rewriter
        self._retired = retired
        self._observer = observer

    def is_kept(self, name: str, starred: Collection[str]) -> bool:
        """Tell whether a segment holds starred sessions only; one that cannot be read does not."""
        footer = self._footer(name)
        return bool(footer and footer.sessions and set(footer.sessions) <= set(starred))

    def drop(self, name: str, starred: Collection[str]) -> None:
        """Remove a segment; what it has of starred sessions is carried over into a new one.

        :raises OSError: if the disk does not take it; nothing is lost then.
        """
        footer = self._footer(name)
        sessions = footer.sessions if footer else {}
        self._retired.retire(sessions)
        if set(sessions) & set(starred):
            self.rewrite(name, starred, keep=True)
        else:
            self._rewriter.remove(name)
            self._observer.removed(name)

    def rewrite(self, name: str, sessions: Collection[str], keep: bool) -> None:
        """Rewrite a segment with only these sessions, or without them.

        :param keep: whether the sessions are what stays.
        """
        new = self._rewriter.rewrite(name, lambda head: (head.session_id in sessions) == keep)
        if new is not None:
            self._observer.added(new)
        self._observer.removed(name)

    def forget(self, name: str, session_id: str) -> bool:
        """Remove a session from a segment.

        :return: whether it was there.
        """
        footer = self._footer(name)
        if footer is not None and session_id not in footer.sessions and not footer.damaged:
            return False
        self._retired.retire({session_id: footer.sessions.get(session_id, 0) if footer else 0})
        self.rewrite(name, {session_id}, keep=False)
        return True

    def _footer(self, name: str) -> Footer | None:
        try:
            return read_footer(self._files, self._data_dir, name)
        except (OSError, PackedError):
            return None


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
