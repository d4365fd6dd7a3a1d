"""A local copy of the needed part of a bucket: all summaries and texts, segments on demand."""

import threading
from pathlib import Path

from ccsproxy.ship.objects.layout import PARQUET, is_ours
from ccsproxy.ship.objects.store import ObjectStore
from ccsproxy.ship.target import Unavailable


class Mirror:
    """Copies objects into a directory. May be used by several threads.

    Invariants: nothing is written outside the directory, whatever the objects' names; a file in it is complete; a
    replaced object is fetched again, a deleted one is removed.
    """

    def __init__(self, store: ObjectStore, folder: Path) -> None:
        self._store, self._folder = store, folder
        self._lock = threading.Lock()
        self._tags: dict[str, str | None] = {}

    def refresh(self) -> None:
        """Update summaries and texts.

        :raises OSError: if the bucket does not answer, or the file cannot be written.
        """
        with self._lock:
            try:
                found = {path: tag for path, tag in self._store.tagged() if is_ours(path)}
            except Unavailable as error:
                raise OSError(str(error)) from None
            # Stale files are removed before anything is fetched: a removed session is gone even if the bucket fails
            # now.
            for path in [path for path in self._tags if self._tags[path] != found.get(path)]:
                (self._folder / path).unlink(missing_ok=True)
                del self._tags[path]
            for path, tag in found.items():
                if path.endswith(PARQUET) and path not in self._tags:
                    self._copy(path, tag)

    def fetch(self, path: str) -> None:
        """Fetch a segment, unless it exists.

        :raises OSError: if the bucket does not answer, or the file cannot be written.
        """
        with self._lock:
            if path not in self._tags and is_ours(path):
                self._copy(path, None)

    def _copy(self, path: str, tag: str | None) -> None:
        try:
            found = self._store.read(path)
        except Unavailable as error:
            raise OSError(str(error)) from None
        if found is None:
            return
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        # A concurrent reader sees the old file or the new one; the temporary name has no suffix that it looks for.
        aside = target.with_name(target.name + ".part")
        aside.write_bytes(found[0])
        aside.replace(target)
        self._tags[path] = tag if tag is not None else found[1]
