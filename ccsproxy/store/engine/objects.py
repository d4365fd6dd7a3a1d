"""A folder of shipped segments as an engine: DuckDB over the Parquet files, records out of the segments."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb

from ccsproxy.exchange import codec
from ccsproxy.store.engine.engine import EngineError, phrase
from ccsproxy.store.segments.compressed import CompressedSegment, PackedError
from ccsproxy.store.segments.files import Files

#: Seconds between two looks for new files.
LOOK_EVERY = 5.0


class ObjectsEngine:
    """Answers over a folder that holds what `ccsproxy.ship.objects` puts into a store, or a copy of it.

    Invariant: the view of the facts is of the files that were there at the last look; a look makes it anew.

    :param folder: with the folders of days in it.
    :param fetch: brings a file into the folder that is not there yet, for stores that are no folders.
    :param look: brings summaries and texts into the folder, for such stores.
    """

    exchanges = "exchanges"
    said = "(SELECT * FROM texts WHERE {words})"

    def __init__(
        self, folder: Path, fetch: Callable[[str], None] = lambda path: None, look: Callable[[], None] = lambda: None
    ) -> None:
        """Look what is there.

        :raises EngineError: when it cannot be looked at.
        """
        self._folder, self._fetch, self._look, self._files = folder, fetch, look, Files()
        self._looked_at = -LOOK_EVERY
        self._lock = threading.Lock()
        self._connection = duckdb.connect(":memory:")
        self._connection.execute("SET TimeZone = 'UTC'")
        self._known: tuple[str, ...] | None = None
        self.refresh()

    def refresh(self) -> None:
        """Look which files there are, unless somebody has a moment ago.

        :raises EngineError: when that cannot be told.
        """
        if time.monotonic() - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = time.monotonic()
        try:
            self._look()
        except OSError as error:
            raise EngineError(str(error)) from None
        found = tuple(sorted(str(path) for path in self._folder.glob("dt=*/host=*/*.parquet")))
        with self._lock:
            # Making the table anew costs as much as reading all of it.
            if found == self._known:
                return
            facts = [path for path in found if not path.endswith(".texts.parquet")]
            texts = [path for path in found if path.endswith(".texts.parquet")]
            self._make("exchanges", facts, _FACTS)
            self._make("texts", texts, _TEXTS)
            self._known = found

    def _make(self, name: str, files: list[str], empty: str) -> None:
        listed = ", ".join(map(self.literal, files))
        # By names, as files of older versions lack the columns of later ones.
        source = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)" if files else empty
        once = "QUALIFY row_number() OVER (PARTITION BY host, id ORDER BY key) = 1" if name == "exchanges" else ""
        # Facts are small and asked again and again; texts are large, and seldom searched.
        kind = "TABLE" if name == "exchanges" else "VIEW"
        self._connection.execute(f"CREATE OR REPLACE {kind} {name} AS SELECT * FROM {source} {once}")  # noqa: S608

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what a statement finds."""
        self.refresh()
        if not self._known:
            return []
        try:
            return self._connection.cursor().execute(sql).fetchall()
        except duckdb.Error as error:
            raise EngineError(f"{self._folder} cannot be asked: {type(error).__name__}") from None

    def records(self, rows: Sequence[tuple[str, str, str, str, int, int]]) -> dict[str, bytes]:
        """Return the JSON of records, reading each segment once."""
        wanted: dict[str, list[tuple[str, int, int]]] = {}
        for name, host, _, segment, offset, length in rows:
            day = f"dt={segment[:4]}-{segment[4:6]}-{segment[6:8]}"
            path = f"{day}/host={quote(host, safe='')}/{segment}.jsonl.zst"
            wanted.setdefault(path, []).append((name, offset, length))
        found: dict[str, bytes] = {}
        for path, places in wanted.items():
            lines = self._lines(path, [(offset, length) for _, offset, length in places])
            found.update({name: codec.strip(lines[at]) for name, at, _ in places if codec.verify(lines.get(at, b""))})
        return found

    def _lines(self, path: str, places: list[tuple[int, int]]) -> dict[int, bytes]:
        try:
            self._fetch(path)
            with CompressedSegment(self._folder / path, self._files) as packed:
                return packed.read_several(places)
        except (OSError, PackedError):
            return {}

    def literal(self, text: str) -> str:
        """Write a text as a literal."""
        return "'" + text.encode("utf-8", "replace").decode().replace("'", "''") + "'"

    def any_of(self, column: str, values: Sequence[str]) -> str:
        """Write that a column of lists has one of some values."""
        return f"list_has_any({column}, [{', '.join(map(self.literal, values))}])"

    def any_contains(self, column: str, text: str) -> str:
        """Write that a text is contained in one of a column of lists."""
        return f"contains(lower(array_to_string({column}, chr(10))), lower({self.literal(text)}))"

    def contains(self, column: str, text: str) -> str:
        """Write that a text is contained in a column."""
        return f"contains(lower(CAST({column} AS VARCHAR)), lower({self.literal(text)}))"

    def says(self, words: Sequence[str], open_ended: bool) -> str:
        """Write that words follow one another."""
        plain = " AND ".join(f"contains(lower(text), {self.literal(word.lower())})" for word in words)
        return f"{plain} AND regexp_matches(lower(text), {self.literal(phrase(words, open_ended))})"

    def since(self, ms: int) -> str:
        """Write that a call began at a time or later."""
        return f"started_at >= make_timestamptz({ms * 1000})"

    def day(self, key: str) -> str:
        """Write the day of an order key."""
        return f"strftime(make_timestamp(({key} // 2097152) * 1000), '%Y-%m-%d')"

    def each_of(self, column: str) -> str:
        """Write one row for each value of a column of lists."""
        return f"unnest({column})"

    def moment(self, column: str) -> str:
        """Write a time as text."""
        return f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%gZ')"

    def whole(self, number: str) -> str:
        """Write a number rounded down."""
        return f"CAST(floor({number}) AS BIGINT)"


_FACTS = "(SELECT NULL::VARCHAR AS host, NULL::VARCHAR AS id, NULL::BIGINT AS key WHERE false)"
_TEXTS = (
    "(SELECT NULL::VARCHAR AS session_id, NULL::VARCHAR AS host, NULL::BIGINT AS key, NULL::VARCHAR AS hash, "
    "NULL::VARCHAR AS text WHERE false)"
)
