"""A copy of what one needs of a bucket: summaries and texts as they come, segments when somebody looks into one."""

import threading
from pathlib import Path

from ccsproxy.ship.objects.layout import PARQUET, is_ours
from ccsproxy.ship.objects.store import ObjectStore
from ccsproxy.ship.target import Unavailable


class Mirror:
    """Copies objects into a folder. May be used by several threads.

    Invariants: nothing is written outside of the folder, whatever objects are called; a file in it is whole; what was
    replaced in the bucket is fetched again, what is gone goes.
    """

    def __init__(self, store: ObjectStore, folder: Path) -> None:
        self._store, self._folder = store, folder
        self._lock = threading.Lock()
        self._tags: dict[str, str | None] = {}

    def refresh(self) -> None:
        """Bring summaries and texts up to date.

        :raises OSError: when the bucket does not answer, or the disk does not take it.
        """
        with self._lock:
            try:
                found = {path: tag for path, tag in self._store.tagged() if is_ours(path)}
            except Unavailable as error:
                raise OSError(str(error)) from None
            # What is stale goes before anything is fetched: what a removed session has left is gone even if the
            # bucket fails now.
            for path in [path for path in self._tags if self._tags[path] != found.get(path)]:
                (self._folder / path).unlink(missing_ok=True)
                del self._tags[path]
            for path, tag in found.items():
                if path.endswith(PARQUET) and path not in self._tags:
                    self._copy(path, tag)

    def fetch(self, path: str) -> None:
        """Bring a segment into the folder, unless it is there.

        :raises OSError: when the bucket does not answer, or the disk does not take it.
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
        # A reader that looks in meanwhile sees the old file or the new one, and the name ends in nothing that it
        # looks for.
        aside = target.with_name(target.name + ".part")
        aside.write_bytes(found[0])
        aside.replace(target)
        self._tags[path] = tag if tag is not None else found[1]
