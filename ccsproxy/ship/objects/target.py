"""A target that keeps closed segments as they are, in a bucket or a folder, with a Parquet file of each beside."""

import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zstandard
from twisted.internet.threads import deferToThread

from ccsproxy.providers.price_book import PriceBook
from ccsproxy.ship.batch import Batch, BatchLimits, SegmentBatch
from ccsproxy.ship.facts import facts_of
from ccsproxy.ship.objects.layout import PARQUET, of_host, parquet_path, segment_path
from ccsproxy.ship.objects.parquet import sessions_in, without_session, written
from ccsproxy.ship.objects.store import Exists, ObjectStore
from ccsproxy.ship.objects.workshop import Workshop
from ccsproxy.ship.target import BatchReceipt, TargetContext, Unavailable
from ccsproxy.store.segments.segment import COMPRESSED

#: How much of a segment is hashed at once, in bytes.
_PIECE = 1 << 20
#: What folders of work begin with, and the seconds after which nobody works in one any more.
_WORK, _LEFT_AFTER = "ship-work-", 3600.0


class ObjectTarget:
    """Keeps segments in an object store (see `ccsproxy.ship.target.Target`).

    A segment is put where nothing is; what is there already under its name must hold the same lines. Its summaries
    follow it, so that whoever finds those finds it, too. What a removed session leaves is cut out where it lies.
    """

    whole_segments = True
    limits = BatchLimits()

    def __init__(self, around: TargetContext) -> None:
        self._store = ObjectStore(around.address, dict(around.credentials.store))
        self._host, self._content = around.host, around.content
        self._data_dir = Path(around.data_dir)
        self._price = PriceBook.of_data_dir(self._data_dir).cost

    async def open(self) -> None:
        """See that the store answers, and clear away what a killed process has left."""
        await deferToThread(lambda: next(self._store.paths(), None))
        await deferToThread(self._clear)

    async def send(self, batch: Batch) -> BatchReceipt:
        """Put a segment and its summaries; remove those that it replaces."""
        assert isinstance(batch, SegmentBatch)  # noqa: S101  (whole_segments says so)
        await deferToThread(self._send, batch)
        return BatchReceipt()

    async def delete(self, session_id: str) -> None:
        """Cut a session out of every object of this host."""
        await deferToThread(self._delete, session_id)

    async def close(self) -> None:
        """Have nothing to close: the library ends its connections itself."""

    def _send(self, batch: SegmentBatch) -> None:
        name = batch.segment
        with self._workshop() as workshop:
            if self._content:
                self._put(segment_path(name, self._host), workshop.packed(name))
            rows = [facts_of(line, name, self._host, self._price) for line in workshop.records(name, self._content)]
            self._put(parquet_path(name, self._host), written(rows))
        for old in batch.replaces:
            self._store.delete(parquet_path(old, self._host))
            self._store.delete(segment_path(old, self._host))

    def _put(self, path: str, content: bytes | Path) -> None:
        """Put an object, unless the same is there: an acknowledgement was lost then.

        :raises Unavailable: when something else is there, which is not overwritten.
        """
        try:
            self._store.create(path, content)
        except Exists:
            there = self._store.read(path)
            if there is None:
                raise Unavailable(f"{path} was there and is gone; it is put again") from None
            if path.endswith(COMPRESSED) and isinstance(content, Path):
                if _lines_hash(there[0]) != _lines_hash(content.read_bytes()):
                    raise Unavailable(f"another segment is in {path}; do two machines have one host label?") from None
            elif isinstance(content, bytes) and there[0] != content:
                self._store.replace(path, content, there[1])

    def _delete(self, session_id: str) -> None:
        for path in [each for each in self._store.paths() if of_host(each, self._host)]:
            if path.endswith(COMPRESSED):
                self._cut(path, session_id)
        # What is left are summaries alone, as they are shipped without content.
        for path in [each for each in self._store.paths() if of_host(each, self._host)]:
            if path.endswith(PARQUET) and not self._content:
                self._cut_summaries(path, session_id)

    def _cut(self, path: str, session_id: str) -> None:
        """Cut a session out of a segment in the store, and of its summaries."""
        beside = path.removesuffix(COMPRESSED) + PARQUET
        summaries = self._store.read(beside)
        if summaries is not None and session_id not in sessions_in(summaries[0]):
            return
        found = self._store.read(path)
        if found is None:
            return
        name = path.rpartition("/")[2].removesuffix(COMPRESSED)
        with self._workshop() as workshop:
            workshop.bring(name, found[0])
            left = workshop.cut(name, session_id)
            if left is None:
                self._store.delete(beside)
                self._store.delete(path)
                return
            new, packed = left
            rows = [facts_of(line, name, self._host, self._price) for line in workshop.records(new, True, True)]
            self._store.replace(path, packed, found[1])
            self._store.replace(beside, written(rows), summaries[1] if summaries else None)

    def _cut_summaries(self, path: str, session_id: str) -> None:
        found = self._store.read(path)
        if found is not None and session_id in sessions_in(found[0]):
            self._store.replace(path, without_session(found[0], session_id), found[1])

    def _clear(self) -> None:
        for folder in self._data_dir.glob(_WORK + "*"):
            if folder.is_dir() and time.time() - folder.lstat().st_mtime > _LEFT_AFTER:
                shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _workshop(self) -> Iterator[Workshop]:
        with tempfile.TemporaryDirectory(prefix=_WORK, dir=self._data_dir) as folder:
            yield Workshop(Path(folder), self._data_dir)


def _lines_hash(packed: bytes) -> str:
    """Return the hash of what a compressed segment holds: packed again, the same lines may give other bytes."""
    found = hashlib.sha256()
    with zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as reader:
        while piece := reader.read(_PIECE):
            found.update(piece)
    return found.hexdigest()
