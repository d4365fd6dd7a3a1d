"""A target that stores closed segments unchanged in a bucket or directory, each with a Parquet file."""

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
from ccsproxy.ship.delivery.hosts import ShippedHosts
from ccsproxy.ship.facts import summaries_of
from ccsproxy.ship.objects.layout import PARQUET, folder, parquet_path, segment_path, texts_path
from ccsproxy.ship.objects.parquet import texts_schema, values_in, written
from ccsproxy.ship.objects.removal import SessionRemoval
from ccsproxy.ship.objects.store import Exists, ObjectStore
from ccsproxy.ship.objects.workshop import Workshop
from ccsproxy.ship.sent_texts import SentTexts, texts_of
from ccsproxy.ship.target import BatchReceipt, TargetContext, Unavailable
from ccsproxy.store.segments.segment import COMPRESSED
from ccsproxy.store.state.shipments import STAMP

#: How many bytes of a segment are hashed at once.
_PIECE = 1 << 20
#: Prefix of working directories, and seconds after which an abandoned one is removed.
_WORK, _LEFT_AFTER = "ship-work-", 3600.0


class ObjectTarget:
    """Stores segments in an object store (see `ccsproxy.ship.target.Target`).

    A segment is created if absent; an existing object with its name must contain the same lines. Its summaries follow
    later, so whoever finds those also finds the segment. A removed session is removed from the stored objects.
    """

    whole_segments = True
    limits = BatchLimits()

    def __init__(self, around: TargetContext) -> None:
        self._store = ObjectStore(around.address, dict(around.credentials.store))
        self._host, self._content = around.host, around.content
        self._data_dir = Path(around.data_dir)
        self._price = PriceBook.of_data_dir(self._data_dir).cost
        self._hosts = ShippedHosts(self._data_dir, around.host)
        self._removal = SessionRemoval(self._store, self._workshop, self._price)

    async def open(self) -> None:
        """Check that the store answers, and remove what a killed process has left."""
        await deferToThread(lambda: next(self._store.paths(), None))
        await deferToThread(self._clear)

    async def send(self, batch: Batch) -> BatchReceipt:
        """Store a segment and its summaries; delete the segments that it replaces."""
        assert isinstance(batch, SegmentBatch)  # noqa: S101  (whole_segments says so)
        await deferToThread(self._send, batch)
        return BatchReceipt()

    async def delete(self, session_id: str) -> None:
        """Remove a session from every object of this data directory."""
        await deferToThread(self._delete, session_id)

    async def close(self) -> None:
        """Do nothing: the library closes its connections itself."""

    def _send(self, batch: SegmentBatch) -> None:
        name = batch.segment
        self._hosts.note()
        with self._workshop() as workshop:
            if self._content:
                self._put(segment_path(name, self._host), workshop.packed(name))
            ids = self._put_beside(name, [*workshop.records(name, self._content)])
            self._drop_replaced(name, ids, workshop)

    def _drop_replaced(self, name: str, ids: set[str], workshop: Workshop) -> None:
        """Delete what a segment was rewritten from: it has the same time stamp, and the same records.

        An object that only has the same time stamp belongs to another machine with the same label.
        """
        # Listed completely before anything is deleted, which would shift the later pages of a listing.
        found = [*self._store.paths(folder(name, self._host))]
        place = folder(name, self._host)
        for other in {path.rpartition("/")[2].partition(".")[0] for path in found}:
            base = f"{place}/{other}"
            if other[:STAMP] != name[:STAMP] or other == name or not ids & self._ids_in(base, workshop):
                continue
            for path in (each for each in found if each.startswith(f"{base}.")):
                self._store.delete(path)

    def _ids_in(self, base: str, workshop: Workshop) -> set[str]:
        """Return the ids of the records of a stored segment: from its summaries, or if there are none, from its
        lines.
        """
        summaries = self._store.read(base + PARQUET)
        if summaries is not None:
            return values_in(summaries[0], "id")
        packed, name = self._store.read(base + COMPRESSED), base.rpartition("/")[2]
        if packed is None:
            return set()
        workshop.bring(name, packed[0])
        return {line.head.id for line in workshop.records(name, True, True)}

    def _put_beside(self, name: str, lines: list[ShippedLine]) -> set[str]:
        """Store what is derived from a segment's records; the summaries last, because they are looked for first.

        :return: the ids of the records.
        """
        lines, rows = summaries_of(lines, name, self._host, self._price)
        if self._content:
            # Texts that the session had in earlier segments are repeated here: each file is self-contained.
            self._put(texts_path(name, self._host), written(texts_of(SentTexts(), lines, rows), texts_schema))
        self._put(parquet_path(name, self._host), written(rows))
        return {str(row["id"]) for row in rows}

    def _put(self, path: str, content: bytes | Path) -> None:
        """Store an object, unless it exists with the same content: then an acknowledgement was lost.

        :raises Unavailable: if it exists with other content, which is not overwritten.
        """
        try:
            self._store.create(path, content)
        except Exists:
            there = self._store.read(path)
            if there is None:
                raise Unavailable(f"{path} was deleted meanwhile; it is stored again") from None
            if path.endswith(COMPRESSED) and isinstance(content, Path):
                if _lines_hash(there[0]) != _lines_hash(content.read_bytes()):
                    raise Unavailable(
                        f"{path} contains a different segment; do two machines have the same host label?"
                    ) from None
            elif isinstance(content, bytes) and there[0] != content:
                self._store.replace(path, content, there[1])

    def _delete(self, session_id: str) -> None:
        self._removal.remove(session_id, self._hosts.every())

    def _clear(self) -> None:
        for left in self._data_dir.glob(_WORK + "*"):
            if left.is_dir() and time.time() - left.lstat().st_mtime > _LEFT_AFTER:
                shutil.rmtree(left, ignore_errors=True)

    @contextmanager
    def _workshop(self) -> Iterator[Workshop]:
        with tempfile.TemporaryDirectory(prefix=_WORK, dir=self._data_dir) as made:
            yield Workshop(Path(made), self._data_dir)


def _lines_hash(packed: bytes) -> str:
    """Return the hash of a compressed segment's content: compressing the same lines again may give other bytes."""
    found = hashlib.sha256()
    with zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as reader:
        while piece := reader.read(_PIECE):
            found.update(piece)
    return found.hexdigest()
