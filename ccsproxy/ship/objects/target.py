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
from ccsproxy.ship.delivery.batch import Batch, BatchLimits, SegmentBatch, ShippedLine
from ccsproxy.ship.facts import facts_of
from ccsproxy.ship.objects.layout import PARQUET, TEXTS, folder, of_host, parquet_path, segment_path, texts_path
from ccsproxy.ship.objects.parquet import sessions_in, texts_schema, without_session, written
from ccsproxy.ship.objects.store import Exists, ObjectStore
from ccsproxy.ship.objects.workshop import Workshop
from ccsproxy.ship.said import Memory, texts_of
from ccsproxy.ship.target import BatchReceipt, TargetContext, Unavailable
from ccsproxy.store.segments.segment import COMPRESSED
from ccsproxy.store.state.shipments import STAMP

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
            self._put_beside(name, [*workshop.records(name, self._content)])
        # All that a segment was rewritten into has its stamp; of that, what was put before is replaced by this one.
        # The listing is read to its end before anything is deleted, which would shift its later pages.
        for path in [*self._store.paths(folder(name, self._host))]:
            found = path.rpartition("/")[2]
            if found[:STAMP] == name[:STAMP] and not found.startswith(name):
                self._store.delete(path)

    def _put_beside(self, name: str, lines: list[ShippedLine]) -> None:
        """Put what is made of a segment's records; the summaries last, which are what is looked for first."""
        rows = [facts_of(line, name, self._host, self._price) for line in lines]
        if self._content:
            # What the session said in earlier segments is said again here: each file stands for itself.
            self._put(texts_path(name, self._host), written(texts_of(Memory(), lines, rows), texts_schema))
        self._put(parquet_path(name, self._host), written(rows))

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
        beside, texts = (path.removesuffix(COMPRESSED) + ending for ending in (PARQUET, TEXTS))
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
                for each in (beside, texts, path):
                    self._store.delete(each)
                return
            new, packed = left
            lines = [*workshop.records(new, True, True)]
            rows = [facts_of(line, name, self._host, self._price) for line in lines]
            self._store.replace(path, packed, found[1])
            self._put(texts, written(texts_of(Memory(), lines, rows), texts_schema))
            self._store.replace(beside, written(rows), summaries[1] if summaries else None)

    def _cut_summaries(self, path: str, session_id: str) -> None:
        found = self._store.read(path)
        if found is not None and session_id in sessions_in(found[0]):
            self._store.replace(path, without_session(found[0], session_id), found[1])

    def _clear(self) -> None:
        for left in self._data_dir.glob(_WORK + "*"):
            if left.is_dir() and time.time() - left.lstat().st_mtime > _LEFT_AFTER:
                shutil.rmtree(left, ignore_errors=True)

    @contextmanager
    def _workshop(self) -> Iterator[Workshop]:
        with tempfile.TemporaryDirectory(prefix=_WORK, dir=self._data_dir) as made:
            yield Workshop(Path(made), self._data_dir)


def _lines_hash(packed: bytes) -> str:
    """Return the hash of what a compressed segment holds: packed again, the same lines may give other bytes."""
    found = hashlib.sha256()
    with zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as reader:
        while piece := reader.read(_PIECE):
            found.update(piece)
    return found.hexdigest()
